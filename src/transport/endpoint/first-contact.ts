/**
 * What a server does about a stranger's first datagram: whether a connection is made at all, and the two answers that
 * need none (another version, no room). It never answers what could itself be an answer, never with more bytes than it
 * was asked with, never faster than a named rate.
 */
import { type TransmitPool, type Transmit } from '../connection/transmit.js';
import { type DropReason } from '../connection/connection-stats.js';
import { CONNECTION_ID_BYTES } from '../connection/transport-options.js';
import { MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { type Address } from '../path/path.js';
import { REFLECTION_PORTS } from '../path/reflection-ports.js';
import { TransportErrorCode } from '../transport-error.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { FrameType } from '../wire/frame-type.js';
import { writeClose } from '../wire/frame-writer.js';
import {
  encodeVersionNegotiation,
  type Header,
  type HelloHeader,
  patchHelloLength,
  readTruncatedPacketNumber,
  writeHelloHeader,
} from '../wire/header.js';
import { ProtocolVersion } from '../wire/version.js';
import { StatelessResets } from './stateless-resets.js';
import { type EndpointConfig, type EndpointMeans } from './endpoint.js';

export interface Circumstances {
  readonly connectionCount: number;
  readonly isRefusing: boolean;
  readonly now: number;
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly remote: Address;
  readonly local: number;
}

interface AddressCounts {
  connections: number;
  halfOpen: number;
}

export class FirstContact {
  readonly #config: EndpointConfig;
  readonly #means: EndpointMeans;
  readonly #counts = new Map<string, AddressCounts>();
  readonly #resets: StatelessResets;
  #halfOpenCount = 0;
  #answers: Answer[] = [];
  #answerCredit = MAX_ANSWERS_PER_SECOND;
  #creditedAt = -1;

  constructor(config: EndpointConfig, means: EndpointMeans) {
    this.#config = config;
    this.#means = means;
    this.#resets = new StatelessResets(means);
  }

  /** Undefined: make a connection of it. Otherwise why not, and an answer may be on its way. */
  judge(
    bytes: Uint8Array,
    header: Header,
    remote: Address,
    local: number,
    circumstances: Circumstances,
  ): DropReason | undefined {
    if (REFLECTION_PORTS.has(remote.port)) return 'refused';
    if (header.kind === 'unknownVersion' || (header.kind === 'hello' && !this.#speaks(header.version))) {
      // [VER-2] Smaller than what asked for it, so that nobody gains by asking in another's name.
      if (bytes.length >= MIN_DATAGRAM_BYTES) this.#answerVersions(header, remote, local, circumstances.now);
      return 'unknownVersion';
    }
    if (header.kind !== 'hello') return 'unknownType';
    if (
      bytes.length < MIN_DATAGRAM_BYTES ||
      // [HDR-8]
      header.destinationId.length !== CONNECTION_ID_BYTES ||
      header.sourceId.length !== CONNECTION_ID_BYTES
    ) {
      return 'badHello';
    }
    if (!this.#isAuthentic(bytes, header)) return 'notAuthentic';
    if (circumstances.isRefusing || circumstances.connectionCount >= this.#config.limits.maxConnections) {
      const reason = circumstances.isRefusing ? 'the server is shutting down' : 'the server is full';
      this.#answerRefusal(header, remote, local, reason, circumstances.now);
      return 'refused';
    }
    return this.#hasRoomFor(remote.ip) ? undefined : 'refused';
  }

  /** A short packet for nobody: somebody may have been connected to the process before this one [RST-2]. */
  onUnknownShort(packet: Uint8Array, remote: Address, local: number, now: number): void {
    if (this.#answers.length >= MAX_ANSWERS_WAITING) return;
    const bytes = this.#resets.answerTo(packet, remote, now);
    if (bytes !== undefined && this.#mayAnswer(now)) this.#answers.push({ bytes, remote, local });
  }

  onAccepted({ ip }: Address): void {
    const counts = this.#countsOf(ip);
    counts.connections++;
    counts.halfOpen++;
    this.#halfOpenCount++;
  }

  onValidated({ ip }: Address): void {
    const counts = this.#counts.get(ip);
    if (counts !== undefined) counts.halfOpen--;
    this.#halfOpenCount--;
  }

  /** The client of a connection is at another address now, and counts there [MIG-6]. */
  onMoved(from: Address, { ip }: Address): void {
    if (from.ip === ip) return;
    this.onForgotten(from, false);
    this.#countsOf(ip).connections++;
  }

  onForgotten({ ip }: Address, isHalfOpen: boolean): void {
    const counts = this.#counts.get(ip);
    if (counts === undefined) return;
    counts.connections--;
    if (isHalfOpen) {
      counts.halfOpen--;
      this.#halfOpenCount--;
    }
    if (counts.connections === 0) this.#counts.delete(ip);
  }

  pollTransmit(pool: TransmitPool): Transmit | undefined {
    const answer = this.#answers.shift();
    if (answer === undefined) return undefined;
    const draft = pool.acquire(answer.remote, answer.local, answer.bytes.length);
    draft.bytes.set(answer.bytes);
    draft.length = answer.bytes.length;
    draft.segmentSize = draft.length;
    return draft;
  }

  /** What a client tells its user when the server listed versions and ours is not among them. */
  mismatchReason(versions: readonly number[]): string {
    const isOurs = (version: number): boolean => this.#config.versions.includes(version);
    if (versions.includes(ProtocolVersion.TLS) && !isOurs(ProtocolVersion.TLS)) {
      return 'the server speaks TLS only: use udps://';
    }
    if (versions.includes(ProtocolVersion.PLAINTEXT) && !isOurs(ProtocolVersion.PLAINTEXT)) {
      return 'the server speaks plaintext only: use udp://';
    }
    const list = versions.slice(0, 8).map((version) => `0x${version.toString(16).padStart(8, '0')}`);
    return `the server speaks other versions of the protocol (${list.join(', ')}): update one of the two`;
  }

  /** Before anything is allocated or answered: garbage that looks like a hello costs one check. */
  #isAuthentic(bytes: Uint8Array, header: HelloHeader): boolean {
    const { opener } = this.#means.helloProtection(header.version, header.destinationId, 'server');
    const packetNumber = readTruncatedPacketNumber(bytes, header);
    return (
      opener.open(packetNumber, bytes, header.headerStart, header.payloadStart, header.packetEnd) !==
      undefined
    );
  }

  #countsOf(ip: string): AddressCounts {
    let counts = this.#counts.get(ip);
    if (counts === undefined) this.#counts.set(ip, (counts = { connections: 0, halfOpen: 0 }));
    return counts;
  }

  #speaks(version: number): boolean {
    return this.#config.versions.includes(version);
  }

  #hasRoomFor(ip: string): boolean {
    const { maxHalfOpen, maxHalfOpenPerAddress, maxConnectionsPerAddress } = this.#config.limits;
    const counts = this.#counts.get(ip);
    return (
      this.#halfOpenCount < maxHalfOpen &&
      (counts === undefined ||
        (counts.halfOpen < maxHalfOpenPerAddress && counts.connections < maxConnectionsPerAddress))
    );
  }

  #answerVersions(header: Header, remote: Address, local: number, now: number): void {
    if (header.kind !== 'unknownVersion' && header.kind !== 'hello') return;
    if (!this.#mayAnswer(now)) return;
    const { versions } = this.#config;
    const randomByte = Math.floor(this.#means.random.fraction() * 256);
    const bytes = encodeVersionNegotiation(header.sourceId, header.destinationId, versions, randomByte);
    this.#answers.push({ bytes, remote, local });
  }

  /** [HSK-9] A single HELLO packet with a CLOSE, for which nothing is remembered. */
  #answerRefusal(header: HelloHeader, remote: Address, local: number, reason: string, now: number): void {
    if (!this.#mayAnswer(now)) return;
    const { sealer } = this.#means.helloProtection(header.version, header.destinationId, 'server');
    const writer = new ByteWriter(new Uint8Array(REFUSAL_BYTES));
    const lengthPosition = writeHelloHeader(writer, {
      version: header.version,
      destinationId: header.sourceId,
      sourceId: header.destinationId,
      token: new Uint8Array(0),
      packetNumber: 0,
      packetNumberLength: 1,
    });
    const payloadStart = writer.offset;
    writeClose(writer, FrameType.CLOSE_TRANSPORT, TransportErrorCode.CONNECTION_REFUSED, reason);
    patchHelloLength(writer.bytes, lengthPosition, writer.offset + sealer.overhead - payloadStart + 1);
    const end = sealer.seal(0, writer.bytes, 0, payloadStart, writer.offset);
    this.#answers.push({ bytes: writer.bytes.subarray(0, end), remote, local });
  }

  #mayAnswer(now: number): boolean {
    if (this.#creditedAt >= 0) {
      const earned = ((now - this.#creditedAt) * MAX_ANSWERS_PER_SECOND) / 1_000;
      this.#answerCredit = Math.min(MAX_ANSWERS_PER_SECOND, this.#answerCredit + earned);
    }
    this.#creditedAt = now;
    if (this.#answerCredit < 1) return false;
    this.#answerCredit--;
    return true;
  }
}

/** Answers without a connection, all strangers together. */
const MAX_ANSWERS_PER_SECOND = 1_000;
/** Of resets; the others are as many as hellos came in one turn. */
const MAX_ANSWERS_WAITING = 256;
/** Far below the 1,200 bytes of the hello that asked. */
const REFUSAL_BYTES = 384;
