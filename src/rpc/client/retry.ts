/**
 * Further attempts of a call, by p-retry, entered when the first one has failed. p-retry counts and decides who is next;
 * time and chance are ours: its own delay is 0, the pause is awaited on the injected clock in `onFailedAttempt`. Its
 * first turn only repeats the failure that is there already, so that every pause is made in one place.
 */
import pRetry from 'p-retry';
import { isRpcError, type RpcError } from '../rpc-error.js';

export interface RetryingCall {
  readonly isSettled: boolean;
  /** Makes one; rejects with the RpcError of a failure that is worth another one, else resolves: the call has ended. */
  attemptAgain(): Promise<void>;
  /** Resolves at the latest when the call has ended. */
  pause(failures: number): Promise<void>;
  giveUp(error: RpcError): void;
}

/** `retries`: how many attempts remain. Everything about the outcome goes through the call. */
export function retryAttempts(call: RetryingCall, first: RpcError, retries: number): void {
  let last = first;
  pRetry((turn) => (turn === 1 ? Promise.reject(first) : call.attemptAgain()), {
    retries,
    minTimeout: 0,
    randomize: false,
    async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
      // p-retry asks whether to go on only after this: no pause where it will not.
      if (isRpcError(error)) last = error;
      if (retriesLeft > 0 && !call.isSettled) await call.pause(attemptNumber);
    },
  }).catch(() => {
    call.giveUp(last);
  });
}
