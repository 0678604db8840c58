/**
 * What a server does about a stranger's first datagram: whether a connection is made at all, and the three answers that
 * need none (another version, no room, RETRY). It never answers what could itself be an answer, never with more bytes than it
 * was asked with, never faster than a named rate.
 */
import { type TransmitPool, type Transmit } from '../connection/transmit.js';
import { type DropReason } from '../connection/connection-stats.js';
import { CONNECTION_ID_BYTES } from '../connection/transport-options.js';
import { MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { type Address } from '../path/path.js';
import { REFLECTION_PORTS } from '../path/reflection-ports.js';
import { type HelloProtection, type Opener, type Sealer } from '../protection/protection.js';
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
  writeRetryHeader,
} from '../wire/header.js';
import { ProtocolVersion } from '../wire/version.js';
import { AddressTokens, type HelloFacts } from './address-tokens.js';
import { StatelessResets } from './stateless-resets.js';
import { type EndpointConfig, type EndpointMeans } from './endpoint.js';

export interface Circumstances {
  readonly connectionCount: number;
  readonly isRefusing: boolean;
  readonly now: number;
}

/** A hello of which a connection may be made. */
export interface Admission {
  readonly header: HelloHeader;
  /** [TOK-6] A token says so. */
  readonly isAddressProven: boolean;
  /** Where the client's very first hello went, when a RETRY has sent it here. */
  readonly originalDestinationId: Uint8Array | undefined;
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
  readonly tokens: AddressTokens;
  readonly #resets: StatelessResets;
  #halfOpenCount = 0;
  #answers: Answer[] = [];
  readonly #answerRate = new AnswerRate(MAX_ANSWERS_PER_SECOND);
  readonly #retryRate = new AnswerRate(MAX_RETRIES_PER_SECOND);

  constructor(config: EndpointConfig, means: EndpointMeans) {
    this.#config = config;
    this.#means = means;
    this.tokens = new AddressTokens(means);
    this.#resets = new StatelessResets(means);
  }

  /** An admission: make a connection of it. Otherwise why not, and an answer may be on its way. */
  judge(
    bytes: Uint8Array,
    header: Header,
    remote: Address,
    local: number,
    circumstances: Circumstances,
  ): DropReason | Admission {
    if (REFLECTION_PORTS.has(remote.port)) return 'refused';
    if (header.kind === 'unknownVersion' || (header.kind === 'hello' && !this.#speaks(header.version))) {
      // [VER-2] Smaller than what asked for it, so that nobody gains by asking in another's name.
      if (bytes.length >= MIN_DATAGRAM_BYTES) this.#answerVersions(header, remote, local, circumstances.now);
      return 'unknownVersion';
    }
    // [AMP-3]
    if (header.kind === 'retry') return 'unexpectedRetry';
    if (header.kind !== 'hello') return 'unknownType';
    if (
      bytes.length < MIN_DATAGRAM_BYTES ||
      // [HDR-8]
      header.destinationId.length !== CONNECTION_ID_BYTES ||
      header.sourceId.length !== CONNECTION_ID_BYTES
    ) {
      return 'badHello';
    }
    return (
      this.#whyInVain(header, remote, circumstances) ??
      this.#judgeHello(bytes, header, remote, local, circumstances)
    );
  }

  /** A short packet for nobody: somebody may have been connected to the process before this one [RST-2]. */
  onUnknownShort(packet: Uint8Array, remote: Address, local: number, now: number): void {
    if (this.#answers.length >= MAX_ANSWERS_WAITING) return;
    const bytes = this.#resets.answerTo(packet, remote, now);
    if (bytes !== undefined && this.#answerRate.take(now)) this.#answers.push({ bytes, remote, local });
  }

  onAccepted({ ip }: Address, isHalfOpen: boolean): void {
    const counts = this.#countsOf(ip);
    counts.connections++;
    if (!isHalfOpen) return;
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

  #countsOf(ip: string): AddressCounts {
    let counts = this.#counts.get(ip);
    if (counts === undefined) this.#counts.set(ip, (counts = { connections: 0, halfOpen: 0 }));
    return counts;
  }

  #speaks(version: number): boolean {
    return this.#config.versions.includes(version);
  }

  /** Whatever it holds, nothing could come of it and nothing be said to it: so that a flood is not opened for nothing. */
  #whyInVain({ token }: HelloHeader, { ip }: Address, circumstances: Circumstances): DropReason | undefined {
    const { now } = circumstances;
    if (this.#whyClosed(circumstances) !== undefined)
      return this.#answerRate.has(now) ? undefined : 'refused';
    if (this.#countOf(ip).connections >= this.#config.limits.maxConnectionsPerAddress) return 'refused';
    if (token.length > 0) return undefined;
    if (this.#wantsProof) return this.#retryRate.has(now) ? undefined : 'addressNotProven';
    return this.#hasRoomForHalfOpen(ip) ? undefined : 'refused';
  }

  #judgeHello(
    bytes: Uint8Array,
    header: HelloHeader,
    remote: Address,
    local: number,
    circumstances: Circumstances,
  ): DropReason | Admission {
    const { version, destinationId, sourceId, token } = header;
    const { now } = circumstances;
    const hello = { version, destinationId, remote };
    const protection = this.#means.helloProtection(version, destinationId, 'server');
    const whyClosed = this.#whyClosed(circumstances);
    const asksForProof = whyClosed === undefined && this.#wantsProof;
    // [RTY-1] To know whether it is authentic would cost more than the answer: it is asked when it comes again.
    if (asksForProof && token.length === 0) {
      this.#answerRetry(hello, sourceId, protection, local, now);
      return 'addressNotProven';
    }
    if (!isAuthentic(bytes, header, protection.opener)) return 'notAuthentic';
    if (whyClosed !== undefined) {
      this.#answerRefusal(header, protection.sealer, remote, local, whyClosed, now);
      return 'refused';
    }
    const redeemed = this.tokens.redeem(token, hello, now);
    const isAddressProven = redeemed?.isProof === true;
    if (!isAddressProven && asksForProof) {
      this.#answerRetry(hello, sourceId, protection, local, now);
      return 'addressNotProven';
    }
    if (!isAddressProven && !this.#hasRoomForHalfOpen(remote.ip)) return 'refused';
    return { header, isAddressProven, originalDestinationId: redeemed?.originalDestinationId };
  }

  #whyClosed({ isRefusing, connectionCount }: Circumstances): string | undefined {
    if (isRefusing) return 'the server is shutting down';
    return connectionCount >= this.#config.limits.maxConnections ? 'the server is full' : undefined;
  }

  get #wantsProof(): boolean {
    return this.#halfOpenCount >= this.#config.limits.retryAboveHalfOpen;
  }

  #hasRoomForHalfOpen(ip: string): boolean {
    const { maxHalfOpen, maxHalfOpenPerAddress } = this.#config.limits;
    return this.#halfOpenCount < maxHalfOpen && this.#countOf(ip).halfOpen < maxHalfOpenPerAddress;
  }

  #countOf(ip: string): Readonly<AddressCounts> {
    return this.#counts.get(ip) ?? NOBODY;
  }

  #answerVersions(header: Header, remote: Address, local: number, now: number): void {
    if (header.kind !== 'unknownVersion' && header.kind !== 'hello') return;
    if (!this.#answerRate.take(now)) return;
    const { versions } = this.#config;
    const randomByte = Math.floor(this.#means.random.fraction() * 256);
    const bytes = encodeVersionNegotiation(header.sourceId, header.destinationId, versions, randomByte);
    this.#answers.push({ bytes, remote, local });
  }

  /** [HSK-9] A single HELLO packet with a CLOSE, for which nothing is remembered. */
  #answerRefusal(
    header: HelloHeader,
    sealer: Sealer,
    remote: Address,
    local: number,
    reason: string,
    now: number,
  ): void {
    if (!this.#answerRate.take(now)) return;
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

  /** [RTY-1] Come again, with this token: nothing is remembered of it. */
  #answerRetry(
    hello: HelloFacts,
    clientId: Uint8Array,
    { retry: { sealer } }: HelloProtection,
    local: number,
    now: number,
  ): void {
    if (!this.#retryRate.take(now)) return;
    const sourceId = this.#means.random.bytes(CONNECTION_ID_BYTES);
    const token = this.tokens.forRetry(hello, sourceId, now);
    const writer = new ByteWriter(new Uint8Array(RETRY_BYTES + token.length + sealer.overhead));
    writeRetryHeader(writer, { version: hello.version, destinationId: clientId, sourceId, token });
    // [HDR-9]
    const end = sealer.seal(0, writer.bytes, 0, writer.offset, writer.offset);
    this.#answers.push({ bytes: writer.bytes.subarray(0, end), remote: hello.remote, local });
  }
}

/** Before anything is allocated or answered: garbage that looks like a hello costs one check. */
function isAuthentic(bytes: Uint8Array, header: HelloHeader, opener: Opener): boolean {
  const { headerStart, payloadStart, packetEnd } = header;
  const packetNumber = readTruncatedPacketNumber(bytes, header);
  return opener.open(packetNumber, bytes, headerStart, payloadStart, packetEnd) !== undefined;
}

/** So many in a second, and so many at once after a second without any. */
class AnswerRate {
  readonly #perSecond: number;
  #credit: number;
  #creditedAt = -1;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#credit = perSecond;
  }

  /** Whether there may be one more now, which is not counted. */
  has(now: number): boolean {
    if (this.#creditedAt >= 0) {
      const earned = ((now - this.#creditedAt) * this.#perSecond) / 1_000;
      this.#credit = Math.min(this.#perSecond, this.#credit + earned);
    }
    this.#creditedAt = now;
    return this.#credit >= 1;
  }

  /** As `has`, and counts it. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#credit--;
    return true;
  }
}

const NOBODY: AddressCounts = { connections: 0, halfOpen: 0 };

/** Answers without a connection but for RETRYs, all strangers together. */
const MAX_ANSWERS_PER_SECOND = 1_000;
/** As many hellos as one process reads while it is flooded: with fewer an honest client had to ask many times. */
const MAX_RETRIES_PER_SECOND = 20_000;
/** Of resets; the others are as many as hellos came in one turn. */
const MAX_ANSWERS_WAITING = 256;
/** The header of a RETRY with IDs of ours, without its token. */
const RETRY_BYTES = 7 + 2 * CONNECTION_ID_BYTES;
/** Far below the 1,200 bytes of the hello that asked. */
const REFUSAL_BYTES = 384;
