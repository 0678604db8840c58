/**
 * What the rooms of one connection share: the players that the conductor plays with, and the few facts all of them
 * read. Made once by the connection; nothing here decides anything.
 */
import { type CongestionController } from '../congestion/congestion-controller.js';
import { Pacer } from '../congestion/pacer.js';
import { MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { LocalIds } from '../path/local-ids.js';
import { Path } from '../path/path.js';
import { PathMtu } from '../path/path-mtu.js';
import { Paths } from '../path/paths.js';
import { RemoteIds } from '../path/remote-ids.js';
import { HandshakeStream } from '../protection/handshake-stream.js';
import { AckFrequency } from '../recovery/ack-frequency.js';
import { Recovery } from '../recovery/recovery.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { type PathCapacity } from '../stream/path-capacity.js';
import { StreamSet } from '../stream/stream-set.js';
import { DEFAULT_TRANSPORT_PARAMETERS } from '../wire/transport-parameters.js';
import { type ConnectionEvent } from './connection-event.js';
import { type ConnectionObserver } from './connection-observer.js';
import { type ConnectionSetup } from './connection-setup.js';
import { ConnectionStats } from './connection-stats.js';
import { IdleTimer } from './idle-timer.js';
import { PacketSpaceState } from './packet-space-state.js';
import { Suspicion } from './suspicion.js';
import { CONNECTION_ID_BYTES, type TransportOptions } from './transport-options.js';

export interface Players {
  readonly role: 'client' | 'server';
  readonly version: number;
  readonly options: TransportOptions;
  /** Ours for the handshake. */
  readonly localId: Uint8Array;
  /** The client's first, random destination. */
  readonly originalDestinationId: Uint8Array;
  readonly localIds: LocalIds;
  readonly remoteIds: RemoteIds;
  readonly paths: Paths;
  /** The one in use. */
  readonly path: Path;
  readonly pathMtu: PathMtu;
  readonly hello: PacketSpaceState;
  readonly protected: PacketSpaceState;
  readonly controller: CongestionController;
  readonly recovery: Recovery;
  readonly ackFrequency: AckFrequency;
  readonly pacer: Pacer;
  readonly streams: StreamSet;
  readonly handshakeStream: HandshakeStream;
  readonly idle: IdleTimer;
  readonly suspicion: Suspicion;
  readonly stats: ConnectionStats;
  readonly observer: ConnectionObserver | undefined;
  /** Our side of the handshake is complete and, for a client, the server has said so too. */
  isConfirmed: boolean;
  isHandshakeDonePending: boolean;
  isPingPending: boolean;
}

export function createPlayers(
  setup: ConnectionSetup,
  emit: (event: ConnectionEvent) => void,
  now: number,
): Players {
  const { role, options } = setup;
  const controller = setup.createController(MIN_DATAGRAM_BYTES);
  const recovery = new Recovery({
    initialRttMs: options.initialRttMs,
    controller,
    maxAckDelayMs: DEFAULT_TRANSPORT_PARAMETERS.maxAckDelayMs,
  });
  recovery.handshakeProbeNeeded = role === 'client';
  const remoteIds = new RemoteIds(setup.remoteId, {
    maxActive: options.activeConnectionIds,
    maxRetiring: options.retiringConnectionIds,
    idBytes: CONNECTION_ID_BYTES,
  });
  const first = new Path(setup.remote, setup.local, role === 'client', remoteIds.first);
  const paths = new Paths({ first, remoteIds, random: setup.random, maxPaths: options.maxPaths });
  const pacer = new Pacer({ controller, rtt: recovery.rtt, maxDatagramSize: MIN_DATAGRAM_BYTES });
  const pathMtu = new PathMtu({
    userLimit: options.maxDatagramSize,
    remoteIp: setup.remote.ip,
    onChange: (datagramBytes, maxBytesInFlight) => {
      recovery.onMaxDatagramSize(datagramBytes);
      recovery.maxBytesInFlight = maxBytesInFlight;
      pacer.onMaxDatagramSize(datagramBytes);
    },
  });
  return {
    role,
    version: setup.version,
    options,
    localId: setup.localId,
    originalDestinationId: setup.originalDestinationId,
    localIds: new LocalIds(setup.localId, setup.ids, options.activeConnectionIds),
    remoteIds,
    paths,
    get path() {
      return paths.active;
    },
    pathMtu,
    hello: new PacketSpaceState(PacketSpace.HELLO, options.maxAckDelayMs),
    protected: new PacketSpaceState(PacketSpace.PROTECTED, options.maxAckDelayMs),
    controller,
    recovery,
    ackFrequency: new AckFrequency(),
    pacer,
    streams: new StreamSet({
      role,
      limits: options,
      emit,
      pool: setup.chunkPool,
      budget: setup.buffers,
      path: capacityOf(recovery, controller),
      onBufferRoom: () => {
        setup.onBufferRoom();
      },
    }),
    handshakeStream: new HandshakeStream(options.handshakeStreamBytes),
    idle: new IdleTimer(options.idleTimeoutMs, now),
    suspicion: new Suspicion(options.suspectAfterPtos, options.suspectAfterMs),
    stats: new ConnectionStats(),
    observer: setup.observer,
    isConfirmed: false,
    isHandshakeDonePending: false,
    isPingPending: false,
  };
}

function capacityOf({ rtt }: Recovery, controller: CongestionController): PathCapacity {
  return {
    get smoothedRttMs() {
      return rtt.hasSample ? rtt.smoothedRtt : undefined;
    },
    get congestionWindow() {
      return controller.congestionWindow;
    },
  };
}
