/**
 * One machine of the simulated network, and its sense of time. A host can be paused (nothing of it runs, datagrams
 * wait in its socket buffer), crash (its timers and sockets vanish without a word), and run its timers late; code on it
 * sees only a `Clock`. Sockets belong to `SimNetwork`.
 */
import { type Clock, type Timer } from '../base/clock.js';
import { BufferBudget } from '../transport/stream/buffer-budget.js';
import { type VirtualClock } from './virtual-clock.js';

export class SimHost {
  readonly ip: string;
  /** What all that runs on it may hold in buffers: memory that a crash frees. */
  buffers = new BufferBudget();
  /** Milliseconds by which the next timer is late; drawn anew for each. */
  lateness: () => number = () => 0;
  readonly #clock: VirtualClock;
  /** With the times they were asked for: they may run later. */
  readonly #timers = new Map<Timer, number>();
  #pausedUntil = -Infinity;
  #life = 0;

  constructor(ip: string, clock: VirtualClock) {
    this.ip = ip;
    this.#clock = clock;
  }

  get isPaused(): boolean {
    return this.#clock.now() < this.#pausedUntil;
  }

  /** Timers of this host's own, set and not yet run. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next of them was asked for; Infinity for none. */
  get nextTimerAt(): number {
    return Math.min(...this.#timers.values());
  }

  /** From now on nothing of this host runs; at `untilMs` all that was due runs, in order. */
  pause(untilMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, untilMs);
  }

  /** Ends what runs on this host as a kill would: no callback given to its clocks before is ever called. */
  crash(): void {
    this.#life++;
    this.buffers = new BufferBudget(this.buffers.limitBytes);
    this.#pausedUntil = -Infinity;
    for (const timer of this.#timers.keys()) timer.cancel();
    this.#timers.clear();
  }

  /**
   * This host's time, for what is started on it now: after a crash it calls nothing back, also what is asked of it
   * later. `onRun` is told before each callback, so that its owner knows which floor was touched.
   */
  clock(onRun: () => void = () => undefined): Clock {
    const life = this.#life;
    const whileAlive = (callback: () => void) => (): void => {
      if (life !== this.#life) return;
      onRun();
      callback();
    };
    return {
      now: () => this.#clock.now(),
      setTimer: (callback, delayMs) =>
        life === this.#life ? this.#arm(whileAlive(callback), delayMs, this.lateness()) : NO_TIMER,
      atEndOfTurn: (callback) => {
        this.#clock.atEndOfTurn(whileAlive(callback));
      },
      soon: (callback) => {
        this.#clock.soon(whileAlive(callback));
      },
    };
  }

  /** Runs it now, or when the pause is over. Used by the network to deliver. */
  run(callback: () => void): void {
    if (!this.isPaused) callback();
    else this.#arm(callback, 0, 0);
  }

  #arm(callback: () => void, delayMs: number, latenessMs: number): Timer {
    const onDue = (): void => {
      if (this.isPaused) {
        armed = this.#clock.setTimer(onDue, this.#pausedUntil - this.#clock.now());
        return;
      }
      this.#timers.delete(handle);
      callback();
    };
    const now = this.#clock.now();
    let armed = this.#clock.setTimer(onDue, Math.max(delayMs + latenessMs, this.#pausedUntil - now));
    const handle: Timer = {
      cancel: () => {
        this.#timers.delete(handle);
        armed.cancel();
      },
    };
    this.#timers.set(handle, now + delayMs);
    return handle;
  }
}

const NO_TIMER: Timer = { cancel: () => undefined };
