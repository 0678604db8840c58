/** What a channel sends its attempts through: the way to one server, or to several among which is chosen. */
import { type TransportStats } from '../stream-transport.js';
import { type Attempt } from './attempt.js';

export interface Upstream {
  /** `ip:port`, where there is one server and a connection to it. */
  readonly peer: string | undefined;
  /** The attempt gets a stream, now or later, or is told why not. */
  start(attempt: Attempt, now: number): void;
  /** Of the connection, where there is one. */
  stats(): TransportStats | undefined;
  /** Goes on from another socket. */
  rebind(): void;
  /** Ends every attempt with CANCELLED. The promise always resolves. */
  close(reason: string): Promise<void>;
}
