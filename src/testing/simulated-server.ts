/**
 * The server of a simulated network: the same Server, which finds its host when it listens, and whose shutdown lets
 * virtual time pass by itself, so that it may be awaited like that of any other server.
 */
import { type Clock } from '../base/clock.js';
import { type RpcEnvironment } from '../rpc/rpc-environment.js';
import { Server, type ShutdownOptions } from '../rpc/server/server.js';
import { type ServerOptions } from '../rpc/server/server-options.js';
import { type ShutdownReport } from '../rpc/server/shutdown.js';
import { type Acceptor } from '../rpc/stream-transport.js';

export interface SimulatedServerMeans {
  readonly acceptor: Acceptor;
  readonly environment: RpcEnvironment;
  /** Lets time pass until it settles. */
  readonly run: <T>(promise: Promise<T>) => Promise<T>;
  /** Its host has crashed, or the network was closed: it will never do anything again. */
  readonly isGone: () => boolean;
}

export class SimulatedServer extends Server {
  readonly #means: SimulatedServerMeans;

  constructor(means: SimulatedServerMeans, options: ServerOptions) {
    super(means.acceptor, means.environment, options);
    this.#means = means;
  }

  override shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    return this.#means.isGone() ? Promise.resolve(NOTHING_LEFT) : this.#means.run(super.shutdown(options));
  }
}

const NOTHING_LEFT: ShutdownReport = { finished: 0, refused: 0, aborted: 0, unsettled: 0, durationMs: 0 };

/** A clock that is another one from some time on: that of the host on which a server turns out to listen. */
export class MovableClock implements Clock {
  place: Clock;

  constructor(place: Clock) {
    this.place = place;
  }

  now(): number {
    return this.place.now();
  }

  setTimer(callback: () => void, delayMs: number): ReturnType<Clock['setTimer']> {
    return this.place.setTimer(callback, delayMs);
  }

  atEndOfTurn(callback: () => void): void {
    this.place.atEndOfTurn(callback);
  }

  soon(callback: () => void): void {
    this.place.soon(callback);
  }
}
