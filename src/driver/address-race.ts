/**
 * Tries the addresses of one target against each other (RFC 8305 §5): one more every 250 ms, at once when one fails, and
 * the first that is won ends the others. Knows nothing of sockets: what an attempt is, its user says.
 */
import { type Clock, type Timer } from '../base/clock.js';
import { type ConnectFailure } from '../rpc/stream-transport.js';
import { type Address } from '../transport/path/path.js';
import { formatAddress } from './target.js';

export interface RaceOptions<Result> {
  readonly addresses: readonly Address[];
  readonly clock: Clock;
  /** Begins one attempt. It says how it ended once, not before this returns, and not after it was cancelled. */
  startAttempt(address: Address, runner: Runner<Result>): RaceAttempt;
  /** Every attempt but the winner's is cancelled by now. */
  onWon(result: Result): void;
  /** All failed; names each address and what came of it. */
  onFailed(failure: ConnectFailure): void;
}

/** How an attempt tells its end. */
export interface Runner<Result> {
  onWon(result: Result): void;
  onFailed(failure: ConnectFailure): void;
}

export interface RaceAttempt {
  cancel(): void;
}

export class AddressRace<Result> {
  readonly #options: RaceOptions<Result>;
  readonly #running = new Map<Address, RaceAttempt>();
  readonly #failures: string[] = [];
  #untrustedCount = 0;
  #startedCount = 0;
  #timer: Timer | undefined;
  #isOver = false;

  /** Begins with the first address at once. */
  constructor(options: RaceOptions<Result>) {
    this.#options = options;
    this.#startNext();
  }

  /** Ends every attempt; nothing is told after it. Idempotent. */
  cancel(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    for (const attempt of this.#running.values()) attempt.cancel();
    this.#running.clear();
  }

  readonly #startNext = (): void => {
    this.#timer?.cancel();
    const { addresses, clock } = this.#options;
    const address = addresses[this.#startedCount];
    if (address === undefined) return;
    this.#startedCount++;
    if (this.#startedCount < addresses.length) {
      this.#timer = clock.setTimer(this.#startNext, ATTEMPT_DELAY_MS, false);
    }
    const attempt = this.#options.startAttempt(address, {
      onWon: (result) => {
        this.#onWon(address, result);
      },
      onFailed: (failure) => {
        this.#onFailed(address, failure);
      },
    });
    this.#running.set(address, attempt);
  };

  #onWon(address: Address, result: Result): void {
    if (this.#isOver) return;
    this.#running.delete(address);
    this.cancel();
    this.#options.onWon(result);
  }

  #onFailed(address: Address, { reason, isUntrusted = false }: ConnectFailure): void {
    if (this.#isOver) return;
    this.#running.delete(address);
    this.#failures.push(`${formatAddress(address.ip, address.port)} ${reason}`);
    if (isUntrusted) this.#untrustedCount++;
    this.#startNext();
    if (this.#running.size > 0) return;
    this.#isOver = true;
    // Where any of them might be there the next time, it is worth another attempt.
    const areUntrusted = this.#untrustedCount === this.#failures.length;
    this.#options.onFailed({ reason: this.#failures.join('; '), isUntrusted: areUntrusted });
  }
}

/** RFC 8305 §5, Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;
