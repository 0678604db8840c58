/**
 * Who looks on at the connections of a driver: given by whoever puts a server or a channel together, so that the driver
 * knows nothing of logs.
 */
import {
  type ConnectionFacts,
  type ConnectionObserver,
} from '../transport/connection/connection-observer.js';
import { type Address } from '../transport/path/path.js';

export interface Observation {
  /** Asked once for each connection. `localAddress`: of the socket that it uses, where that is known. */
  observe(
    facts: ConnectionFacts,
    localAddress: Address | undefined,
    now: number,
  ): ConnectionObserver | undefined;
  /** Resolves when all that was seen of connections that have ended is where it belongs. Never rejects. */
  settled(): Promise<void>;
}
