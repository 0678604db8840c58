/** Counts at the connections of a driver what they tell nobody else: probes, and packets that were not used. */
import { type Observation } from '../../src/driver/observation.js';
import { type ConnectionObserver } from '../../src/transport/connection/connection-observer.js';
import { type DropReason, noDrops } from '../../src/transport/connection/connection-stats.js';
import { type ConnectionClosed } from '../../src/transport/transport-error.js';

export interface WatchedConnection {
  ptoCount: number;
  packetsReceived: number;
  /** Packets, by reason. */
  readonly drops: Record<DropReason, number>;
  closed: ConnectionClosed | undefined;
  isForgotten: boolean;
}

export class ConnectionWatch implements Observation {
  /** In the order in which they were made. */
  readonly connections: WatchedConnection[] = [];
  readonly #waiting: (() => void)[] = [];

  /** Resolves when the next one is forgotten: nothing of it can be under way any more. */
  forgotten(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  observe(): ConnectionObserver {
    const connection: WatchedConnection = {
      ptoCount: 0,
      packetsReceived: 0,
      drops: noDrops(),
      closed: undefined,
      isForgotten: false,
    };
    this.connections.push(connection);
    const nothing = (): void => undefined;
    return {
      onPacketSent: nothing,
      onPacketReceived: () => {
        connection.packetsReceived++;
      },
      onPacketDropped: (reason) => {
        connection.drops[reason]++;
      },
      onPacketsLost: nothing,
      onRecoveryTimeout: (probeSpace) => {
        if (probeSpace !== undefined) connection.ptoCount++;
      },
      onPeerParameters: nothing,
      onClosed: (closed) => {
        connection.closed = closed;
      },
      onStep: nothing,
      onRetry: nothing,
      onForgotten: () => {
        connection.isForgotten = true;
        for (const resolve of this.#waiting.splice(0)) resolve();
      },
    };
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }
}
