/**
 * One process's end of the wire: finds the connection a datagram belongs to, accepts new ones, refuses, and keeps the
 * connections that have something to say in order. Owns no connection's inside. One deadline for all of them.
 */
import { DeadlineHeap, NOT_QUEUED } from '../../base/deadline-heap.js';
import { checkNumbers, type NumberRules, withDefaults } from '../../base/number-options.js';
import { RingQueue } from '../../base/ring-queue.js';
import { type Connection } from '../connection/connection.js';
import { type ConnectionEvent } from '../connection/connection-event.js';
import { type ConnectionFacts, type ObserveConnection } from '../connection/connection-observer.js';
import { type DropReason, noDrops } from '../connection/connection-stats.js';
import { type Transmit } from '../connection/transmit.js';
import { CONNECTION_ID_BYTES, type TransportOptions } from '../connection/transport-options.js';
import { type Address } from '../path/path.js';
import { type CreateHandshake } from '../protection/handshake.js';
import { type HelloProtection } from '../protection/protection.js';
import { type BufferBudget } from '../stream/buffer-budget.js';
import { decodeHeader, type Header } from '../wire/header.js';
import { ConnectionFactory } from './connection-factory.js';
import { ConnectionTable } from './connection-table.js';
import { type TokenMeans } from './address-tokens.js';
import { FirstContact } from './first-contact.js';
import { type TokenMemory } from './token-memory.js';

export interface EndpointConfig {
  readonly role: 'client' | 'server';
  /** Versions spoken, the preferred one first. */
  readonly versions: readonly [number, ...number[]];
  readonly options: TransportOptions;
  readonly limits: EndpointLimits;
  /** Bytes of the sockets' receive buffer, told to the peer; undefined when not known. */
  readonly receiveBufferBytes?: number | undefined;
  /** What its connections may hold in buffers, shared with other endpoints. Default: 256 MiB of its own. */
  readonly buffers?: BufferBudget | undefined;
}

/** Of a server's connections, and of strangers that want to become some. */
export interface EndpointLimits {
  /** Connections of a server, closing ones included. Default 10,000. */
  readonly maxConnections: number;
  /** Of those from one IP address; many clients may share one behind a carrier's NAT. Default 1,024. */
  readonly maxConnectionsPerAddress: number;
  /** Connections whose client has not proved its address. Default 1,000. */
  readonly maxHalfOpen: number;
  /** Of those from one IP address. Default 64. */
  readonly maxHalfOpenPerAddress: number;
  /**
   * With so many of them a client must prove its address before anything is made for it, which costs it a round trip once:
   * RETRY. 0: always. Default 64.
   */
  readonly retryAboveHalfOpen: number;
}

/** What servers take where nothing else is said. */
export const DEFAULT_ENDPOINT_LIMITS: EndpointLimits = {
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_024,
  maxHalfOpen: 1_000,
  maxHalfOpenPerAddress: 64,
  retryAboveHalfOpen: 64,
};

/** The defaults where nothing else was said. Throws RangeError. */
export function resolveEndpointLimits(limits: Partial<EndpointLimits> | undefined): EndpointLimits {
  const count = { min: 1, isWhole: true };
  const rules: NumberRules<EndpointLimits> = {
    maxConnections: count,
    maxConnectionsPerAddress: count,
    maxHalfOpen: count,
    maxHalfOpenPerAddress: count,
    retryAboveHalfOpen: { ...count, min: 0 },
  };
  checkNumbers(limits, rules, 'limits.');
  return withDefaults(DEFAULT_ENDPOINT_LIMITS, limits);
}

/** What the driver brings: randomness and keys. */
export interface EndpointMeans extends TokenMeans {
  /** A client's: its tokens for further connections, perhaps shared with other endpoints. */
  readonly tokenMemory: TokenMemory;
  /** The 16 bytes of the stateless reset of an ID of ours: the same for the same ID, unguessable without the key [RST-1]. */
  readonly resetToken: (connectionId: Uint8Array) => Uint8Array;
  readonly createHandshake: CreateHandshake;
  /** Default: nobody looks on. */
  readonly observe?: ObserveConnection | undefined;
  /** The protection of HELLO packets, which needs no agreement: it is made of the ID that the client's go to at first. */
  helloProtection(version: number, helloId: Uint8Array, role: 'client' | 'server'): HelloProtection;
  /** A handshake has something to say: call `Endpoint.handleHandshake` soon. */
  onHandshakeWake(connection: Connection): void;
  /** Memory that was freed, perhaps by another endpoint, gave one of ours something to send: call `pollTransmit` soon. */
  onBufferRoom(): void;
}

export type EndpointEvent =
  | { readonly kind: 'accepted'; readonly connection: Connection }
  /** The last of a connection: closed, and long enough ago that nothing of it can still be under way. */
  | { readonly kind: 'forgotten'; readonly connection: Connection }
  | { readonly kind: 'connection'; readonly connection: Connection; readonly event: ConnectionEvent };

interface Member {
  readonly connection: Connection;
  dueAt: number;
  heapIndex: number;
  /** In the queue of those that may have something to say. */
  isQueued: boolean;
  isHalfOpen: boolean;
  /** The address of a server's client under which it is counted: the last one that was found good. */
  remote: Address;
}

export class Endpoint {
  readonly #config: EndpointConfig;
  readonly #means: EndpointMeans;
  readonly #table = new ConnectionTable<Member>();
  readonly #members = new Map<Connection, Member>();
  readonly #deadlines = new DeadlineHeap<Member>();
  readonly #toPoll = new RingQueue<Member>();
  readonly #events = new RingQueue<EndpointEvent>();
  readonly #factory: ConnectionFactory;
  readonly #firstContact: FirstContact;
  readonly #drops = noDrops();
  #datagramsReceived = 0;
  #isRefusing = false;

  constructor(config: EndpointConfig, means: EndpointMeans) {
    this.#config = config;
    this.#means = means;
    this.#firstContact = new FirstContact(config, means);
    this.#factory = new ConnectionFactory(config, means, {
      issueId: (connection) => this.#issueId(connection),
      retireId: (id) => {
        this.#table.remove(id);
      },
      issueToken: (version, remote, now) => this.#firstContact.tokens.forAddress(version, remote, now),
      onBufferRoom: (connection) => {
        this.touch(connection);
        means.onBufferRoom();
      },
    });
  }

  /** What the next connections assume before their first sample, instead of the option; set by whoever knows better. */
  set initialRttMs(initialRttMs: number | undefined) {
    this.#factory.initialRttMs = initialRttMs;
  }

  get connectionCount(): number {
    return this.#members.size;
  }

  get connections(): IterableIterator<Connection> {
    return this.#members.keys();
  }

  /** IDs by which packets find a connection: several for each, none when all are forgotten. */
  get connectionIdCount(): number {
    return this.#table.size;
  }

  /** Datagrams that reached no connection, by reason. */
  get drops(): Readonly<Record<DropReason, number>> {
    return this.#drops;
  }

  /** Bytes held in buffers, those of other endpoints with the same budget included. */
  get bufferBytes(): number {
    return this.#factory.buffers.usedBytes;
  }

  get datagramsReceived(): number {
    return this.#datagramsReceived;
  }

  connect(remote: Address, local: number, now: number): Connection {
    const originalDestinationId = this.#means.random.bytes(CONNECTION_ID_BYTES);
    const version = this.#config.versions[0];
    const remoteId = originalDestinationId;
    const who = { version, remoteId, originalDestinationId, remote, local };
    const token = this.#means.tokenMemory.take(remote);
    return this.#create({ ...who, retrySourceId: undefined, isAddressProven: false }, now, token).connection;
  }

  /** From now on nobody new is let in; those who are stay. */
  refuseNew(): void {
    this.#isRefusing = true;
  }

  /** It is not used any more: what its connections hold is given back to those who share the memory. */
  discard(): void {
    for (const { connection } of this.#members.values()) connection.discard();
  }

  /** Nothing is handed in or asked for any more. */
  stop(now: number): void {
    for (const connection of this.#members.keys()) connection.onForgotten(now);
  }

  // In.

  /** Returns whether its memory is free: nothing of it is kept. */
  handleDatagram(bytes: Uint8Array, remote: Address, local: number, now: number): boolean {
    this.#datagramsReceived++;
    const first = bytes[0];
    if (first === undefined) {
      this.#drop('malformedHeader');
      return false;
    }
    const member =
      (first & 0x80) === 0
        ? this.#findShort(bytes, remote, local, now)
        : this.#findLong(bytes, remote, local, now);
    // Dropped; an answer to it is in memory of its own.
    if (member === undefined) return true;
    const isFree = member.connection.handleDatagram(bytes, remote, local, now);
    this.#touch(member);
    return isFree;
  }

  handleTimeout(now: number): void {
    for (;;) {
      const member = this.#deadlines.peek();
      if (member === undefined || member.dueAt > now) return;
      this.#deadlines.remove(member);
      member.connection.handleTimeout(now);
      this.#touch(member);
    }
  }

  /**
   * [MTU-7] The system refused to send this; undefined: something that a client has sent before. Only the sender learns of
   * it. Who else sends there will be refused too, and to ask all of them would cost as much for each datagram.
   */
  handleTooLarge(refused: Transmit | undefined): void {
    if (refused === undefined) {
      for (const connection of this.connections) this.#giveSizeUp(connection, undefined);
      return;
    }
    const { sender, segmentSize, remote, local } = refused;
    if (sender?.path.remote.ip === remote.ip && sender.path.local === local) {
      this.#giveSizeUp(sender, segmentSize);
    }
  }

  handleHandshake(connection: Connection, now: number): void {
    connection.handleHandshake(now);
    this.touch(connection);
  }

  /** Packets of a client's connections leave from another socket from now on. */
  handleRebinding(isSameHost: boolean, now: number): void {
    for (const connection of this.connections) {
      connection.handleRebinding(isSameHost, now);
      this.touch(connection);
    }
  }

  /** The application called one of the connection's verbs: it may have something to say now. */
  touch(connection: Connection): void {
    const member = this.#members.get(connection);
    if (member !== undefined) this.#touch(member);
  }

  // Out.

  pollEvent(): EndpointEvent | undefined {
    return this.#events.shift();
  }

  /**
   * The next datagram, taken from each connection in turn. After undefined `pollTimeout` is up to date; events that
   * came up meanwhile wait in `pollEvent`.
   */
  pollTransmit(now: number): Transmit | undefined {
    for (;;) {
      const answer = this.#firstContact.pollTransmit(this.#factory.transmits);
      if (answer !== undefined) return answer;
      const member = this.#toPoll.peek();
      if (member === undefined) return undefined;
      const transmit = member.connection.pollTransmit(now);
      if (transmit !== undefined) return transmit;
      this.#toPoll.shift();
      member.isQueued = false;
      this.#settle(member, now);
    }
  }

  pollTimeout(): number {
    return this.#deadlines.peek()?.dueAt ?? Infinity;
  }

  /** Gives a Transmit's memory back. */
  release(transmit: Transmit): void {
    this.#factory.transmits.release(transmit);
  }

  #giveSizeUp(connection: Connection, bytes: number | undefined): void {
    connection.handleTooLarge(bytes);
    this.touch(connection);
  }

  #touch(member: Member): void {
    this.#drainEvents(member);
    if (member.isQueued) return;
    member.isQueued = true;
    this.#toPoll.push(member);
  }

  #settle(member: Member, now: number): void {
    const { connection } = member;
    this.#drainEvents(member);
    if (member.isHalfOpen && connection.isAddressValidated) {
      member.isHalfOpen = false;
      this.#firstContact.onValidated(member.remote);
    }
    this.#followMove(member);
    if (connection.isGone) this.#forget(member, now);
    else this.#setDeadline(member, connection.pollTimeout());
  }

  #followMove(member: Member): void {
    const { path } = member.connection;
    if (path.remote === member.remote || !path.isValidated) return;
    if (this.#config.role === 'server') this.#firstContact.onMoved(member.remote, path.remote);
    member.remote = path.remote;
  }

  #setDeadline(member: Member, dueAt: number): void {
    if (member.dueAt === dueAt && member.heapIndex !== NOT_QUEUED) return;
    this.#deadlines.remove(member);
    member.dueAt = dueAt;
    if (dueAt !== Infinity) this.#deadlines.add(member);
  }

  #drainEvents({ connection }: Member): void {
    for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent()) {
      this.#events.push({ kind: 'connection', connection, event });
    }
  }

  #forget(member: Member, now: number): void {
    const { connection } = member;
    connection.onForgotten(now);
    this.#deadlines.remove(member);
    this.#members.delete(connection);
    for (const id of connection.localIds) this.#table.remove(id);
    this.#events.push({ kind: 'forgotten', connection });
    if (this.#config.role === 'server') {
      this.#table.remove(connection.helloId);
      this.#firstContact.onForgotten(member.remote, member.isHalfOpen);
    }
  }

  #findShort(bytes: Uint8Array, remote: Address, local: number, now: number): Member | undefined {
    const member = bytes.length > CONNECTION_ID_BYTES ? this.#table.find(bytes, 1) : undefined;
    if (member !== undefined) return member;
    this.#drop('unknownConnection');
    if (this.#config.role === 'server') this.#firstContact.onUnknownShort(bytes, remote, local, now);
    else this.#offerReset(bytes, remote, now);
    return undefined;
  }

  /** [RST-3] A reset bears an ID that was drawn at random: whose it is only its token tells. */
  #offerReset(bytes: Uint8Array, remote: Address, now: number): void {
    for (const member of this.#members.values()) {
      if (member.connection.handleReset(bytes, remote, now)) this.#touch(member);
    }
  }

  #findLong(bytes: Uint8Array, remote: Address, local: number, now: number): Member | undefined {
    const header = decodeHeader(bytes, 0, CONNECTION_ID_BYTES);
    if (typeof header === 'string') {
      this.#drop(header === 'unknownPacketType' ? 'unknownType' : 'malformedHeader');
      return undefined;
    }
    const { destinationId } = header;
    const member =
      destinationId.length === CONNECTION_ID_BYTES ? this.#table.find(destinationId, 0) : undefined;
    if (header.kind === 'versionNegotiation') {
      this.#onVersionNegotiation(header, member, now);
      return undefined;
    }
    if (member !== undefined) return member;
    if (this.#config.role === 'client') this.#drop('unknownConnection');
    else return this.#accept(bytes, header, remote, local, now);
    return undefined;
  }

  #accept(
    bytes: Uint8Array,
    header: Header,
    remote: Address,
    local: number,
    now: number,
  ): Member | undefined {
    const verdict = this.#firstContact.judge(bytes, header, remote, local, {
      connectionCount: this.#members.size,
      isRefusing: this.#isRefusing,
      now,
    });
    if (typeof verdict === 'string') {
      this.#drop(verdict);
      return undefined;
    }
    const { isAddressProven, originalDestinationId } = verdict;
    const { version, destinationId, sourceId } = verdict.header;
    const helloId = destinationId.slice();
    // Before anything is made or counted for it: who chooses an ID whose key is taken gets nothing.
    if (!this.#table.canAdd(helloId)) {
      this.#drop('refused');
      return undefined;
    }
    // [RTY-5]
    const ids =
      originalDestinationId === undefined
        ? { originalDestinationId: helloId, retrySourceId: undefined }
        : { originalDestinationId, retrySourceId: helloId };
    const remoteId = sourceId.slice();
    const member = this.#create({ version, remoteId, ...ids, isAddressProven, remote, local }, now);
    this.#table.add(helloId, member);
    member.isHalfOpen = !isAddressProven;
    this.#firstContact.onAccepted(remote, member.isHalfOpen);
    this.#events.push({ kind: 'accepted', connection: member.connection });
    return member;
  }

  #create(
    who: Omit<ConnectionFacts, 'role' | 'options' | 'localId'>,
    now: number,
    token?: Uint8Array,
  ): Member {
    const connection = this.#factory.make({ ...who, localId: this.#freshId() }, now, token);
    const member: Member = {
      connection,
      dueAt: Infinity,
      heapIndex: NOT_QUEUED,
      isQueued: false,
      isHalfOpen: false,
      remote: who.remote,
    };
    this.#members.set(connection, member);
    this.#table.add(connection.localId, member);
    this.#touch(member);
    return member;
  }

  #issueId(connection: Connection): Uint8Array {
    const id = this.#freshId();
    const member = this.#members.get(connection);
    if (member !== undefined) this.#table.add(id, member);
    return id;
  }

  #freshId(): Uint8Array {
    for (;;) {
      const id = this.#means.random.bytes(CONNECTION_ID_BYTES);
      if (this.#table.canAdd(id)) return id;
    }
  }

  /** [VER-3] Never a reason to speak another version: the connection ends and says why. */
  #onVersionNegotiation(
    header: Extract<Header, { kind: 'versionNegotiation' }>,
    member: Member | undefined,
    now: number,
  ): void {
    const connection = member?.connection;
    const isEcho =
      connection !== undefined &&
      this.#config.role === 'client' &&
      connection.isUnanswered &&
      header.sourceId.length === CONNECTION_ID_BYTES &&
      header.sourceId.every((byte, i) => byte === connection.originalDestinationId[i]) &&
      !header.versions.includes(this.#config.versions[0]);
    if (member === undefined || !isEcho) {
      this.#drop('unknownVersion');
      return;
    }
    member.connection.abandon('versionMismatch', this.#firstContact.mismatchReason(header.versions), now);
    this.#touch(member);
  }

  #drop(reason: DropReason): void {
    this.#drops[reason]++;
  }
}
