/**
 * When a client gets itself another socket: at once the first time, then ever more rarely while nothing is heard on them.
 * While there is no address to bind to it tries again and again, hardly less often: that costs no datagram, and whoever
 * waits for an address wants to go on as soon as there is one. It knows no connection; at most one timer and one opening
 * at a time.
 */
import { type Clock, type Timer } from '../base/clock.js';

export interface RenewalOptions<Socket> {
  readonly clock: Clock;
  open(): Promise<Socket>;
  /** It is the callee's from now on. */
  onOpened(socket: Socket): void;
  /** Opened too late. */
  discard(socket: Socket): void;
}

export class SocketRenewal<Socket> {
  readonly #options: RenewalOptions<Socket>;
  #timer: Timer | undefined;
  #isOpening = false;
  #isClosed = false;
  /** Sockets since something was heard. */
  #silent = 0;
  /** Attempts since there was an address. */
  #failures = 0;

  constructor(options: RenewalOptions<Socket>) {
    this.#options = options;
  }

  /** The socket is of no use any more, or seems so. */
  request(): void {
    if (this.#isClosed || this.#isOpening || this.#timer !== undefined) return;
    const attempts = this.#failures > 0 ? this.#failures : this.#silent;
    if (attempts === 0) {
      void this.#open();
      return;
    }
    const maxDelayMs = this.#failures > 0 ? MAX_DELAY_WITHOUT_ADDRESS_MS : MAX_DELAY_MS;
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), maxDelayMs);
    this.#timer = this.#options.clock.setTimer(
      () => {
        this.#timer = undefined;
        void this.#open();
      },
      delayMs,
      false,
    );
  }

  /** Something arrived: the socket is good, and what was asked for because it was silent is not needed. */
  onHeard(): void {
    this.#silent = 0;
    this.#failures = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** No more sockets. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.onHeard();
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    let socket: Socket | undefined;
    try {
      socket = await this.#options.open();
    } catch {
      // No address, or no way: there may be one a little later.
    }
    this.#isOpening = false;
    if (socket === undefined) {
      this.#failures++;
      this.request();
      return;
    }
    this.#failures = 0;
    this.#silent++;
    if (this.#isClosed) this.#options.discard(socket);
    else this.#options.onOpened(socket);
  }
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2_000;
/** Noticed as a pause, not as a failure. */
const MAX_DELAY_WITHOUT_ADDRESS_MS = 200;
