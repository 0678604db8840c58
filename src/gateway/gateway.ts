/** What both gateways are to their user: they listen, and they shut down, once each. */
import { type ShutdownOptions } from '../index.js';

/** A gateway as its owner holds it: it listens once, and shuts down once. */
export interface Gateway {
  /**
   * `address`: `host:port`, port 0 for any free one; a scheme before it must be what the gateway serves. Resolves to the port.
   * Rejects when it cannot be listened on; then it may be called again.
   */
  listen(address: string): Promise<number>;

  /**
   * Takes no more calls, waits for those that run, at most `graceMs` (default 30,000), then answers the rest UNAVAILABLE, and
   * closes both sides. Always resolves. Called again it returns the same promise, and a shorter grace counts.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;

  /** `await using`: a shutdown with the default grace. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** As of servers. */
export const DEFAULT_GRACE_MS = 30_000;
