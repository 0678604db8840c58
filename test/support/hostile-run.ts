/**
 * One endpoint under attack: a HostilePeer that has shaken hands with it, joined by a wire that takes no time, and what
 * the attack costs: memory that stays after a garbage collection, steps of the core, bytes that it made the victim send.
 */
import { type Connection } from '../../src/transport/connection/connection.js';
import { type ConnectionEvent } from '../../src/transport/connection/connection-event.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../src/transport/connection/transport-options.js';
import {
  DEFAULT_ENDPOINT_LIMITS,
  Endpoint,
  type EndpointMeans,
} from '../../src/transport/endpoint/endpoint.js';
import { type Address } from '../../src/transport/path/path.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { collectGarbage } from './collect-garbage.js';
import { CLIENT_ADDRESS, SERVER_ADDRESS, type Side, testMeans } from './endpoint-pair.js';
import { HostilePeer } from './hostile-peer.js';
import { countSteps } from './work-counter.js';

export interface HostileRunOptions {
  /** Who is attacked. Default: a server. */
  readonly victim?: Side;
  readonly transport?: Partial<TransportOptions>;
  readonly means?: Partial<EndpointMeans>;
  /** The victim's application reads whatever comes, at once. Default: it reads nothing. */
  readonly isReading?: boolean;
}

export interface AttackCost {
  /** What the victim holds more than before: heap, and arrays outside of it. */
  readonly heldBytes: number;
  /** Of the core for each byte that the victim received; those of the peer, who seals and reads packets, are among them. */
  readonly stepsPerByte: number;
}

export class HostileRun {
  now = 1_000;
  readonly peer: HostilePeer;
  readonly victim: Endpoint;
  /** The victim's. */
  readonly connection: Connection;
  /** All that the victim told its application since the attack began, by kind. */
  readonly events = new Map<ConnectionEvent['kind'], number>();
  /** Since the attack began. */
  bytesIn = 0;
  bytesOut = 0;
  readonly #isReading: boolean;
  readonly #peerAddress: Address;
  readonly #victimAddress: Address;

  constructor({ victim = 'server', transport, means, isReading = false }: HostileRunOptions = {}) {
    const allMeans: EndpointMeans = { ...testMeans(), ...means };
    this.#isReading = isReading;
    [this.#victimAddress, this.#peerAddress] =
      victim === 'server' ? [SERVER_ADDRESS, CLIENT_ADDRESS] : [CLIENT_ADDRESS, SERVER_ADDRESS];
    this.victim = new Endpoint(
      {
        role: victim,
        versions: [ProtocolVersion.PLAINTEXT],
        options: { ...DEFAULT_TRANSPORT_OPTIONS, ...transport },
        limits: DEFAULT_ENDPOINT_LIMITS,
      },
      allMeans,
    );
    const role = victim === 'server' ? 'client' : 'server';
    this.peer = new HostilePeer({ role, means: allMeans });
    this.connection = this.#shakeHands(victim);
    this.peer.takeOver();
    this.bytesIn = 0;
    this.bytesOut = 0;
  }

  /** One datagram of these frames arrives, and the victim says what it has to say. */
  send(...frames: readonly Uint8Array[]): void {
    this.deliver(this.peer.datagram(...frames));
  }

  deliver(datagram: Uint8Array): void {
    this.bytesIn += datagram.length;
    this.victim.handleDatagram(datagram, this.#peerAddress, 0, this.now);
    this.#flush();
  }

  /** Time passes, with the timers of the victim. */
  wait(ms: number): void {
    const end = this.now + ms;
    for (let at = this.victim.pollTimeout(); at <= end; at = this.victim.pollTimeout()) {
      this.now = Math.max(this.now, at);
      this.victim.handleTimeout(this.now);
      this.#flush();
    }
    this.now = end;
    this.#flush();
  }

  /** What `attack` costs the victim. */
  costOf(attack: () => void): AttackCost {
    const bytesInBefore = this.bytesIn;
    const memoryBefore = memoryAfterCollection();
    const steps = countSteps('/src/', attack);
    this.peer.received.length = 0;
    return {
      heldBytes: memoryAfterCollection() - memoryBefore,
      stepsPerByte: steps / (this.bytesIn - bytesInBefore),
    };
  }

  eventCount(kind: ConnectionEvent['kind']): number {
    return this.events.get(kind) ?? 0;
  }

  #shakeHands(victim: Side): Connection {
    let connection: Connection | undefined;
    if (victim === 'client') connection = this.victim.connect(SERVER_ADDRESS, 0, this.now);
    else this.peer.connect(SERVER_ADDRESS, this.now);
    for (let round = 0; round < 20; round++) {
      for (let bytes = this.peer.pollTransmit(this.now); bytes; bytes = this.peer.pollTransmit(this.now)) {
        this.victim.handleDatagram(bytes, this.#peerAddress, 0, this.now);
      }
      connection ??= [...this.victim.connections][0];
      this.#flush();
      this.now += 5;
      this.peer.handleTimeout(this.now);
      this.victim.handleTimeout(this.now);
    }
    if (connection?.isReady !== true || !this.peer.isReady) throw new Error('no handshake');
    return connection;
  }

  /** What the victim has to send. */
  #flush(): void {
    this.#drainEvents();
    for (let sent = this.victim.pollTransmit(this.now); sent; sent = this.victim.pollTransmit(this.now)) {
      const bytes = sent.bytes.slice(0, sent.length);
      this.victim.release(sent);
      this.bytesOut += bytes.length;
      this.peer.handleDatagram(bytes, this.#victimAddress, this.now);
    }
    this.#drainEvents();
  }

  #drainEvents(): void {
    for (let next = this.victim.pollEvent(); next !== undefined; next = this.victim.pollEvent()) {
      if (next.kind !== 'connection') continue;
      const { kind } = next.event;
      this.events.set(kind, this.eventCount(kind) + 1);
      if (kind === 'streamReadable' && this.#isReading) this.#read(next.connection, next.event.streamId);
    }
  }

  #read(connection: Connection, streamId: number): void {
    for (let piece = connection.readStream(streamId); piece !== undefined;) {
      piece = piece === 'end' ? undefined : connection.readStream(streamId);
    }
  }
}

function memoryAfterCollection(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
