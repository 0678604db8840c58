/**
 * What the rooms of one connection share: the players that the conductor plays with, and the few facts all of them
 * read. Made once by the connection; nothing here decides anything. Classes and not object literals with getters: those
 * would be dictionaries, slow to read and of 1 KiB each.
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
import { KeyPhases } from '../protection/key-phases.js';
import { type Opener } from '../protection/protection.js';
import { AckFrequency } from '../recovery/ack-frequency.js';
import { Recovery } from '../recovery/recovery.js';
import { PacketNumberSkips } from '../recovery/packet-number-skips.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { type PathCapacity } from '../stream/path-capacity.js';
import { StreamSet } from '../stream/stream-set.js';
import { DEFAULT_TRANSPORT_PARAMETERS } from '../wire/transport-parameters.js';
import { type ConnectionEvent } from './connection-event.js';
import { type ConnectionObserver } from './connection-observer.js';
import { type ConnectionSetup, type TokenExchange } from './connection-setup.js';
import { ConnectionStats } from './connection-stats.js';
import { IdleTimer } from './idle-timer.js';
import { PacketSpaceState } from './packet-space-state.js';
import { Suspicion } from './suspicion.js';
import { CONNECTION_ID_BYTES, type TransportOptions } from './transport-options.js';

export class Players {
  readonly role: 'client' | 'server';
  readonly version: number;
  readonly options: TransportOptions;
  /** Ours for the handshake. */
  readonly localId: Uint8Array;
  /** The client's first, random destination. */
  readonly originalDestinationId: Uint8Array;
  /** The source ID of the RETRY that the client has followed; undefined: of none. */
  retrySourceId: Uint8Array | undefined;
  /** In every hello of a client; empty: none. */
  helloToken: Uint8Array;
  readonly tokens: TokenExchange;
  readonly localIds: LocalIds;
  readonly remoteIds: RemoteIds;
  readonly paths: Paths;
  readonly pathMtu: PathMtu;
  readonly hello: PacketSpaceState;
  /** A client's. */
  retryOpener: Opener | undefined;
  readonly protected: PacketSpaceState;
  readonly keyPhases: KeyPhases;
  readonly controller: CongestionController;
  readonly recovery: Recovery;
  readonly ackFrequency: AckFrequency;
  readonly numberSkips: PacketNumberSkips;
  readonly pacer: Pacer;
  readonly streams: StreamSet;
  readonly handshakeStream: HandshakeStream;
  readonly idle: IdleTimer;
  readonly suspicion: Suspicion;
  readonly stats: ConnectionStats;
  readonly observer: ConnectionObserver | undefined;
  /** Our side of the handshake is complete and, for a client, the server has said so too. */
  isConfirmed = false;
  isHandshakeDonePending = false;
  isPingPending = false;
  /** A server has a token for its client. */
  isTokenPending = false;
  /**
   * The peer has used an ID that only who receives our packets knows: it is there, now. A token tells less, because what
   * it came with may have been replayed.
   */
  hasAnswered: boolean;

  constructor(setup: ConnectionSetup, emit: (event: ConnectionEvent) => void, now: number) {
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
    const isValidated = role === 'client' || setup.isAddressProven;
    const first = new Path(setup.remote, setup.local, isValidated, remoteIds.first);
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
    this.role = role;
    this.version = setup.version;
    this.options = options;
    this.localId = setup.localId;
    this.originalDestinationId = setup.originalDestinationId;
    this.retrySourceId = setup.retrySourceId;
    this.helloToken = setup.token;
    this.tokens = setup.tokens;
    this.localIds = new LocalIds(setup.localId, setup.ids, options.activeConnectionIds);
    this.remoteIds = remoteIds;
    this.paths = paths;
    this.pathMtu = pathMtu;
    this.hello = new PacketSpaceState(PacketSpace.HELLO, options.maxAckDelayMs);
    this.protected = new PacketSpaceState(PacketSpace.PROTECTED, options.maxAckDelayMs);
    this.stats = new ConnectionStats();
    this.keyPhases = new KeyPhases({
      space: this.protected,
      stats: this.stats,
      limits: options,
      ptoMs: () => recovery.rtt.ptoPeriod(options.maxAckDelayMs),
    });
    this.controller = controller;
    this.recovery = recovery;
    this.ackFrequency = new AckFrequency();
    this.numberSkips = new PacketNumberSkips(setup.random);
    this.pacer = pacer;
    this.streams = new StreamSet({
      role,
      limits: options,
      emit,
      pool: setup.chunkPool,
      budget: setup.buffers,
      path: new Capacity(recovery.rtt, controller),
      onBufferRoom: () => {
        setup.onBufferRoom();
      },
    });
    this.handshakeStream = new HandshakeStream(options.handshakeStreamBytes);
    this.idle = new IdleTimer(options.idleTimeoutMs, now);
    this.suspicion = new Suspicion(options.suspectAfterPtos, options.suspectAfterMs);
    this.observer = setup.observer;
    this.hasAnswered = role === 'client';
  }

  /** Where the client's hellos go until it knows the server's own ID; it gives the keys of both sides' HELLO packets. */
  get helloId(): Uint8Array {
    return this.retrySourceId ?? this.originalDestinationId;
  }

  /** The one in use. */
  get path(): Path {
    return this.paths.active;
  }
}

class Capacity implements PathCapacity {
  readonly #rtt: Recovery['rtt'];
  readonly #controller: CongestionController;

  constructor(rtt: Recovery['rtt'], controller: CongestionController) {
    this.#rtt = rtt;
    this.#controller = controller;
  }

  get smoothedRttMs(): number | undefined {
    return this.#rtt.hasSample ? this.#rtt.smoothedRtt : undefined;
  }

  get congestionWindow(): number {
    return this.#controller.congestionWindow;
  }
}
