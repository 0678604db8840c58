/** What a channel sends its attempts through: the way to one server, or to several among which is chosen. */
import { type BackendStats } from '../balancing/backend.js';
import { type TransportStats } from '../stream-transport.js';
import { type Attempt } from './attempt.js';

export interface Upstream {
  /** `ip:port`, where there is one server and a connection to it. */
  readonly peer: string | undefined;
  /** The attempt gets a stream, now or later, or is told why not. */
  start(attempt: Attempt, now: number): void;
  /** Of the connection, where there is one. */
  stats(): TransportStats | undefined;
  /** Of each server, where there are several; else none. */
  servers(): readonly BackendStats[];
  /** Goes on from another socket. */
  rebind(): void;
  /** Ends every attempt with CANCELLED. The promise always resolves. */
  close(reason: string): Promise<void>;
}
