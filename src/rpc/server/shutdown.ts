/**
 * How a server ends: drain (nothing new starts), abort (the grace is over), linger (what was answered arrives), close.
 * Each step is taken once and none waits for something that may never come, so the promise always resolves. [RPC-10]
 */
import { type Clock, type Timer } from '../../base/clock.js';
import { CloseCode } from '../framing/reset-code.js';
import { type Listening } from '../stream-transport.js';
import { type ServerConnection } from './server-connection.js';
import { type ServerRuntime } from './server-runtime.js';

/** How the calls ended that a server had when its shutdown began. */
export interface ShutdownReport {
  /** They ended by themselves. */
  readonly finished: number;
  /** They had not started, and were answered UNAVAILABLE: their clients may make them elsewhere. */
  readonly refused: number;
  /** They still ran when the grace was over, were answered UNAVAILABLE, and their signals aborted. */
  readonly aborted: number;
  /** Of those, handlers that had not settled when the server closed: they ignore `context.signal`. */
  readonly unsettled: number;
  readonly durationMs: number;
}

export interface ShutdownObserver {
  onDraining(): void;
  onClosed(): void;
}

type Step = 'none' | 'draining' | 'lingering' | 'closing' | 'closed';

export class Shutdown {
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  readonly #connections: ReadonlySet<ServerConnection>;
  readonly #observer: ShutdownObserver;
  readonly #promise: Promise<ShutdownReport>;
  #resolve: (report: ShutdownReport) => void = () => undefined;
  #step: Step = 'none';
  #beganAt = 0;
  #callsAtFirst = 0;
  #refused = 0;
  #aborted = 0;
  #listening: Listening | undefined;
  #graceTimer: Timer | undefined;
  #graceEndsAt = Infinity;
  #lingerTimer: Timer | undefined;
  #lingerEndsAt = Infinity;

  constructor(
    clock: Clock,
    runtime: ServerRuntime,
    connections: ReadonlySet<ServerConnection>,
    observer: ShutdownObserver,
  ) {
    this.#clock = clock;
    this.#runtime = runtime;
    this.#connections = connections;
    this.#observer = observer;
    this.#promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get hasBegun(): boolean {
    return this.#step !== 'none';
  }

  /** False when it is too late; the caller closes it then. */
  mayListen(listening: Listening): boolean {
    if (this.hasBegun) return false;
    this.#listening = listening;
    return true;
  }

  begin(graceMs: number): Promise<ShutdownReport> {
    this.#drain();
    const endsAt = this.#clock.now() + graceMs;
    if (this.#step === 'draining' && endsAt < this.#graceEndsAt) {
      this.#graceEndsAt = endsAt;
      this.#graceTimer?.cancel();
      if (graceMs <= 0) this.#abort();
      else
        this.#graceTimer = this.#clock.setTimer(() => {
          this.#abort();
        }, graceMs);
    }
    return this.#promise;
  }

  force(): void {
    this.#drain();
    this.#abortCalls();
    this.#close();
  }

  onNoCalls(): void {
    if (this.#step === 'draining') this.#linger();
  }

  #drain(): void {
    if (this.hasBegun) return;
    this.#step = 'draining';
    this.#runtime.isDraining = true;
    this.#listening?.refuseNew();
    this.#beganAt = this.#clock.now();
    this.#callsAtFirst = this.#runtime.openCalls;
    this.#observer.onDraining();
    for (const connection of [...this.#connections]) this.#refused += connection.drain();
    if (this.#runtime.openCalls === 0) this.onNoCalls();
  }

  #abort(): void {
    this.#abortCalls();
    if (this.#step === 'draining') this.#linger();
  }

  #abortCalls(): void {
    for (const connection of [...this.#connections]) this.#aborted += connection.abortCalls();
  }

  #report(): ShutdownReport {
    const refused = this.#refused;
    const aborted = this.#aborted;
    return {
      finished: Math.max(0, this.#callsAtFirst - refused - aborted),
      refused,
      aborted,
      unsettled: this.#runtime.runningHandlers,
      durationMs: this.#clock.now() - this.#beganAt,
    };
  }

  /** A close would overtake the answers, and what was lost of them would be lost for good. */
  #linger(): void {
    this.#step = 'lingering';
    this.#lingerEndsAt = this.#clock.now() + LINGER_MS;
    this.#closeWhenArrived();
  }

  #closeWhenArrived(): void {
    if (this.#step !== 'lingering') return;
    let isUnderWay = false;
    for (const { transport } of this.#connections) isUnderWay ||= transport.openStreamCount > 0;
    if (!isUnderWay || this.#clock.now() >= this.#lingerEndsAt) {
      this.#close();
      return;
    }
    this.#lingerTimer = this.#clock.setTimer(() => {
      this.#closeWhenArrived();
    }, LINGER_STEP_MS);
  }

  #close(): void {
    if (this.#step === 'closing' || this.#step === 'closed') return;
    this.#step = 'closing';
    this.#graceTimer?.cancel();
    this.#lingerTimer?.cancel();
    for (const { transport } of [...this.#connections]) {
      transport.close(CloseCode.SHUTDOWN, 'the server has shut down');
    }
    // The sockets after what the connections have to say.
    this.#clock.atEndOfTurn(() => {
      void this.#closeSockets();
    });
  }

  async #closeSockets(): Promise<void> {
    try {
      await this.#listening?.close();
    } catch {
      // A socket that cannot be closed is closed already; nobody could do anything about it.
    }
    this.#step = 'closed';
    this.#observer.onClosed();
    this.#resolve(this.#report());
  }
}

/** Longer than a lost answer takes to be sent again on nearly every path. */
const LINGER_MS = 1_000;

/** No event says that a stream was acknowledged to its end, so it is looked for; a shutdown is not in a hurry. */
const LINGER_STEP_MS = 5;
