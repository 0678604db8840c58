/** What a server has counted: plain numbers, each kept where the thing happens, and added up when somebody asks. */
import { Status } from 'nice-grpc-common';
import { type Listening, NO_TRANSPORT_STATS, type TransportStats } from '../stream-transport.js';
import { type ServerConnection } from './server-connection.js';

/** Since the server was made, but for what is said to be of now. */
export interface ServerStats {
  /** Open now, from a client's hello on. */
  readonly connections: number;
  readonly connectionsAccepted: number;
  /** Hellos that were turned away: the server was full or shut down, or had too many of that address. A client may send several. */
  readonly connectionsRefused: number;
  /** Open now: their stream or their handler is not over. */
  readonly calls: number;
  /** Ended, by the name of their status, as `{ OK: 12, NOT_FOUND: 1 }`; names that there was none of are not there. */
  readonly callsEnded: Readonly<Partial<Record<keyof typeof Status, number>>>;
  /** Handlers that run now: what `maxRunningHandlers` limits. */
  readonly runningHandlers: number;
  /** Of all its connections, those that have ended as of their end. */
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** UDP payload, without the headers of UDP and IP. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Sent and taken for lost, so that what they carried was sent again. */
  readonly packetsLost: number;
  /** Received with a checksum or tag that was wrong, and dropped. */
  readonly packetsDamaged: number;
  /**
   * Datagrams that reached no connection, by why, as `{ unknownConnection: 3, refused: 0, … }`; empty before `listen`, and
   * where there are no datagrams. What the system has dropped, because nobody read it in time, is not known.
   */
  readonly drops: Readonly<Record<string, number>>;
}

type Traffic = Pick<
  TransportStats,
  'datagramsSent' | 'datagramsReceived' | 'bytesSent' | 'bytesReceived' | 'packetsLost' | 'packetsDamaged'
>;

export class ServerTally {
  connectionsAccepted = 0;
  /** By status. */
  readonly #callsEnded: number[] = new Array<number>(STATUS_COUNT).fill(0);
  /** Of connections that have ended. */
  #traffic: Traffic = NO_TRANSPORT_STATS;

  onCallEnd(code: Status): void {
    this.#callsEnded[code] = (this.#callsEnded[code] ?? 0) + 1;
  }

  onConnectionEnd({ transport }: ServerConnection): void {
    this.#traffic = sum(this.#traffic, transport.stats());
  }

  stats(
    connections: ReadonlySet<ServerConnection>,
    listening: Listening | undefined,
    now: Pick<ServerStats, 'calls' | 'runningHandlers'>,
  ): ServerStats {
    let traffic = this.#traffic;
    for (const { transport } of connections) traffic = sum(traffic, transport.stats());
    const { datagramsSent, datagramsReceived, bytesSent, bytesReceived, packetsLost, packetsDamaged } =
      traffic;
    const drops = { ...listening?.drops };
    return {
      connections: connections.size,
      connectionsAccepted: this.connectionsAccepted,
      connectionsRefused: drops['refused'] ?? 0,
      calls: now.calls,
      callsEnded: this.#byName(),
      runningHandlers: now.runningHandlers,
      datagramsSent,
      datagramsReceived,
      bytesSent,
      bytesReceived,
      packetsLost,
      packetsDamaged,
      drops,
    };
  }

  #byName(): Record<string, number> {
    const named: Record<string, number> = {};
    this.#callsEnded.forEach((count, code) => {
      if (count > 0) named[Status[code] ?? code] = count;
    });
    return named;
  }
}

function sum(a: Traffic, b: Traffic): Traffic {
  return {
    datagramsSent: a.datagramsSent + b.datagramsSent,
    datagramsReceived: a.datagramsReceived + b.datagramsReceived,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    packetsLost: a.packetsLost + b.packetsLost,
    packetsDamaged: a.packetsDamaged + b.packetsDamaged,
  };
}

const STATUS_COUNT = Status.UNAUTHENTICATED + 1;
