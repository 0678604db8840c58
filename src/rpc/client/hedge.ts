/**
 * When a hedged call makes its next attempt (gRPC A6, "hedging policy"): one more whenever the last has been without an
 * answer for `delayMs`, or at once when one has failed, up to `attempts` in all. It has no clock and no attempts: the
 * call tells it what happened, does what it says, and comes back at `dueAt`. The first answer that decides ends the
 * call, and with it this. Invariant: at most one attempt has been begun and not yet sent, because a second one would
 * only wait behind it; and none is begun before the time for which a server has asked.
 */
export interface ResolvedHedge {
  /** In all, the first one included. */
  readonly attempts: number;
  readonly delayMs: number;
}

/** `begin` another attempt now; `wait` for `dueAt` or for an attempt that is open; `fail`: with this failure it ends. */
export type HedgeStep = 'begin' | 'wait' | 'fail';

export interface HedgeFailure {
  /** It had got a stream. What had not says nothing of a server: the next one keeps the rhythm and does not hurry. */
  readonly wasSent: boolean;
  /** The server asks not to be tried again before that; Infinity: not at all. */
  readonly pushbackMs?: number | undefined;
}

export class Hedge {
  /** When to call `onDue`; Infinity: not before something else happens. */
  dueAt = Infinity;
  readonly #attempts: number;
  readonly #delayMs: number;
  #begun = 0;
  #open = 0;
  #hasUnsent = false;
  /** The server has asked for it. */
  #notBefore = -Infinity;
  #isSuppressed = false;

  constructor({ attempts, delayMs }: ResolvedHedge) {
    this.#attempts = attempts;
    this.#delayMs = delayMs;
  }

  /** Begun, and not failed. */
  get open(): number {
    return this.#open;
  }

  /** An attempt that was due has not been made, because the budget was spent. */
  get isSuppressed(): boolean {
    return this.#isSuppressed;
  }

  /** The call has begun an attempt: its first, or one that it was told to begin. */
  onBegun(): void {
    this.#begun++;
    this.#open++;
    this.#hasUnsent = true;
    this.dueAt = Infinity;
  }

  /** The attempt that was begun last has got its stream. */
  onSent(now: number): void {
    this.#hasUnsent = false;
    this.#scheduleAt(now + this.#delayMs);
  }

  /** An attempt has failed in a way that does not decide the call. `hasBudget`: whether the channel's allows it. */
  onFailed({ wasSent, pushbackMs }: HedgeFailure, hasBudget: boolean, now: number): HedgeStep {
    this.#open--;
    if (!wasSent) this.#hasUnsent = false;
    if (pushbackMs !== undefined) this.#notBefore = Math.max(this.#notBefore, now + pushbackMs);
    // The one that waits for its stream is the next already.
    if (this.#hasUnsent) return 'wait';
    if (!this.#mayBegin(hasBudget)) {
      this.dueAt = Infinity;
      return this.#open === 0 ? 'fail' : 'wait';
    }
    this.#scheduleAt(wasSent ? now : now + this.#delayMs);
    return this.dueAt <= now ? 'begin' : 'wait';
  }

  /** `dueAt` has come. */
  onDue(hasBudget: boolean, now: number): HedgeStep {
    if (this.dueAt > now) return 'wait';
    this.dueAt = Infinity;
    if (this.#mayBegin(hasBudget)) return 'begin';
    return this.#open === 0 ? 'fail' : 'wait';
  }

  /** Once the budget has refused one, this call asks for no more. */
  #mayBegin(hasBudget: boolean): boolean {
    if (!this.#isMoreAllowed) return false;
    if (!hasBudget) this.#isSuppressed = true;
    return hasBudget;
  }

  #scheduleAt(at: number): void {
    this.dueAt = this.#isMoreAllowed ? Math.max(at, this.#notBefore) : Infinity;
  }

  get #isMoreAllowed(): boolean {
    return this.#begun < this.#attempts && this.#notBefore < Infinity && !this.#isSuppressed;
  }
}
