/**
 * What a channel has counted since it was made, over all its connections: plain numbers, one increment where the thing
 * happens. They only grow. Calls that are open now: `calls - callsSucceeded - callsFailed`.
 */
export class CallCounters {
  /** Begun by a caller, of all kinds of methods. */
  calls = 0;
  /** Ended with OK. */
  callsSucceeded = 0;
  /** Ended with anything else, deadlines and cancellations included. */
  callsFailed = 0;
  /** Of all calls; `attempts - retries - hedges` were the first of theirs. */
  attempts = 0;
  /** Attempts made because the one before had failed. */
  retries = 0;
  /** Attempts made beside one that was still open, or in its place, by `hedge`. */
  hedges = 0;
  /** Calls that were decided by another attempt than their first, by `hedge`. */
  hedgesWon = 0;
  /** Retries and hedges that were due and not made, because of the `retryBudget`. */
  retriesSuppressed = 0;
}
