/**
 * Takes incoming datagrams apart: packets, their keys and numbers, their frames. Owns which packets are accepted; each
 * that is not is counted under one reason. What the frames mean is for the players.
 */
import { ETHERNET_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { isSameId } from '../path/local-ids.js';
import { type Address } from '../path/path.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { ByteReader } from '../wire/byte-reader.js';
import { decodeFrame } from '../wire/frame.js';
import {
  decodeHeader,
  type HelloHeader,
  readTruncatedPacketNumber,
  type RetryHeader,
  type ShortHeader,
} from '../wire/header.js';
import { decodePacketNumber } from '../wire/packet-number.js';
import { type DropReason } from './connection-stats.js';
import { type ArrivedPacket, dispatchFrame, type FrameHandler } from './frame-dispatch.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type Players } from './players.js';
import { CONNECTION_ID_BYTES, MAX_TOKEN_BYTES } from './transport-options.js';

/** A datagram and where it came from. */
export interface Arrival {
  readonly bytes: Uint8Array;
  readonly remote: Address;
  readonly local: number;
}

/** A genuine packet that has not come before. */
interface OpenedPacket {
  readonly packetNumber: number;
  /** Of the keys that opened it. */
  readonly keyGeneration: number;
  readonly view: Uint8Array;
}

/** The conductor, as far as the reader needs it. */
export interface PacketHandler extends FrameHandler {
  readonly closed: unknown;
  handleReset(bytes: Uint8Array, remote: Address, now: number): void;
  onRetry(sourceId: Uint8Array, token: Uint8Array, bytes: number, now: number): void;
}

export class DatagramReader {
  readonly #players: Players;
  readonly #handler: PacketHandler;
  #undecryptable: { readonly arrival: Arrival; readonly header: ShortHeader }[] = [];
  #hasServerId = false;
  /** What is kept of the datagram that is read is in other memory. */
  #isSpent = false;

  constructor(players: Players, handler: PacketHandler) {
    this.#players = players;
    this.#handler = handler;
  }

  /**
   * Returns whether nothing of the datagram's memory is kept; not always when it could. Throws TransportError when the
   * peer broke the protocol.
   */
  read(arrival: Arrival, now: number): boolean {
    this.#isSpent = false;
    this.#readPackets(arrival, now);
    const isSpent = this.#isSpent;
    this.retryUndecryptable(now);
    return isSpent;
  }

  #readPackets(arrival: Arrival, now: number): void {
    const { bytes } = arrival;
    let offset = 0;
    while (offset < bytes.length && this.#handler.closed === undefined) {
      const header = decodeHeader(bytes, offset, CONNECTION_ID_BYTES);
      if (typeof header === 'string') {
        this.#drop(
          header === 'unknownPacketType' ? 'unknownType' : 'malformedHeader',
          bytes.length - offset,
          now,
        );
        return;
      }
      // [DGM-1] Nothing behind a packet of another connection is ours.
      if (!this.#isOurs(header.destinationId)) {
        this.#drop('foreignConnectionId', bytes.length - offset, now);
        return;
      }
      if (header.kind === 'short') this.#readShort(arrival, header, now);
      else if (header.kind === 'hello') this.#readHello(arrival, header, now);
      else if (header.kind === 'retry') this.#readRetry(arrival, header, now);
      else this.#drop('unknownType', bytes.length - offset, now);
      offset = header.packetEnd;
    }
  }

  /** The keys may have come meanwhile. */
  retryUndecryptable(now: number): void {
    if (this.#undecryptable.length === 0 || !this.#canOpenProtected()) return;
    // One by one: when one of them ends the connection the others are still there to be counted.
    for (let kept = this.#undecryptable.shift(); kept !== undefined; kept = this.#undecryptable.shift()) {
      this.#readShort(kept.arrival, kept.header, now);
    }
  }

  /** The connection has ended: what waited for keys has waited in vain. */
  dropUndecryptable(now: number): void {
    for (const { header } of this.#undecryptable) this.#drop('undecryptable', packetBytes(header), now);
    this.#undecryptable = [];
  }

  #readHello(arrival: Arrival, header: HelloHeader, now: number): void {
    const { hello, role, version } = this.#players;
    if (hello.isDiscarded) {
      this.#drop('helloAfterConfirmation', packetBytes(header), now);
      return;
    }
    if (header.version !== version) {
      this.#drop('unknownVersion', packetBytes(header), now);
      return;
    }
    const opened = this.#open(arrival.bytes, header, hello, now);
    if (opened === undefined) return;
    if (role === 'client' && !this.#learnServerId(header.sourceId)) {
      this.#drop('foreignConnectionId', packetBytes(header), now);
      return;
    }
    this.#readFrames(arrival, header, opened, hello, now);
  }

  /** [RTY-3] One, and only as the first word of the server. */
  #readRetry({ bytes }: Arrival, header: RetryHeader, now: number): void {
    const { role, version, stats, retrySourceId, retryOpener, originalDestinationId } = this.#players;
    const { sourceId, headerStart, tokenStart, packetEnd } = header;
    const size = packetEnd - headerStart;
    const tokenEnd = packetEnd - (retryOpener?.overhead ?? 0);
    const isExpected =
      role === 'client' &&
      header.version === version &&
      retrySourceId === undefined &&
      stats.packetsReceived === 0 &&
      sourceId.length === CONNECTION_ID_BYTES &&
      !isSameId(sourceId, originalDestinationId) &&
      tokenEnd > tokenStart &&
      tokenEnd - tokenStart <= MAX_TOKEN_BYTES;
    if (!isExpected) {
      this.#drop('unexpectedRetry', size, now);
      return;
    }
    // [HDR-9]
    if (retryOpener?.open(0, bytes, headerStart, tokenEnd, packetEnd) === undefined) {
      this.#drop('notAuthentic', size, now);
      return;
    }
    this.#players.idle.onReceived(now);
    this.#handler.onRetry(sourceId.slice(), bytes.slice(tokenStart, tokenEnd), size, now);
  }

  #readShort(arrival: Arrival, header: ShortHeader, now: number): void {
    const { protected: main, options } = this.#players;
    if (!this.#canOpenProtected()) {
      // Larger ones come only on a path that was searched, and that is after the handshake: they would only take memory.
      const isOrdinary = arrival.bytes.length <= ETHERNET_DATAGRAM_BYTES;
      if (isOrdinary && this.#undecryptable.length < options.undecryptablePackets) {
        this.#undecryptable.push({ arrival, header });
        this.#isSpent = false;
      } else this.#drop('undecryptable', packetBytes(header), now);
      return;
    }
    const opened = this.#open(arrival.bytes, header, main, now);
    if (opened === undefined) {
      this.#handler.handleReset(arrival.bytes, arrival.remote, now);
      return;
    }
    this.#readFrames(arrival, header, opened, main, now);
  }

  /** [HSK-5] A server runs nothing before its side of the handshake is complete, even where it has the keys. */
  #canOpenProtected(): boolean {
    const { protected: main, role, isConfirmed } = this.#players;
    return main.opener !== undefined && (role === 'client' || isConfirmed);
  }

  #open(
    bytes: Uint8Array,
    header: HelloHeader | ShortHeader,
    state: PacketSpaceState,
    now: number,
  ): OpenedPacket | undefined {
    const { keyPhases } = this.#players;
    const packetNumber = decodePacketNumber(
      readTruncatedPacketNumber(bytes, header),
      header.packetNumberLength,
      state.acks.largestReceived,
    );
    if (state.acks.isDuplicate(packetNumber)) {
      this.#drop('duplicate', packetBytes(header), now);
      return undefined;
    }
    const isShort = header.kind === 'short';
    const keyGeneration = isShort ? keyPhases.generationFor(header.keyPhase, packetNumber) : 0;
    const opener = isShort ? keyPhases.opener(keyGeneration) : state.opener;
    const { headerStart, payloadStart, packetEnd } = header;
    const view = opener?.open(packetNumber, bytes, headerStart, payloadStart, packetEnd);
    // [PRT-2] [KEY-3]
    if (view === undefined) {
      this.#drop('notAuthentic', packetBytes(header), now);
      if (isShort) keyPhases.onFailure();
      return undefined;
    }
    this.#isSpent = opener?.isInPlace === false;
    return { packetNumber, keyGeneration, view };
  }

  #readFrames(
    { bytes, remote, local }: Arrival,
    header: HelloHeader | ShortHeader,
    { packetNumber, keyGeneration, view }: OpenedPacket,
    state: PacketSpaceState,
    now: number,
  ): void {
    const players = this.#players;
    players.stats.packetsReceived++;
    players.idle.onReceived(now);
    players.observer?.onPacketReceived(state.space, packetNumber, view, packetBytes(header), now);
    if (header.kind === 'short') players.keyPhases.onOpened(keyGeneration, packetNumber, now);
    // [AMP-2] Only who received our answer knows our ID.
    if (!players.hasAnswered && players.localIds.has(header.destinationId)) {
      players.hasAnswered = true;
      players.paths.first.onValidated();
    }
    // [FRM-4]
    if (view.length === 0) throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'an empty packet');
    // [HSK-11]
    const isFirstFlight = state.space === PacketSpace.PROTECTED && !players.hasAnswered;
    const { destinationId } = header;
    const datagramBytes = bytes.length;
    const packet: ArrivedPacket = {
      state,
      isFirstFlight,
      destinationId,
      remote,
      local,
      datagramBytes,
      keyGeneration,
      isProbing: true,
    };
    const isNewest = state.space === PacketSpace.PROTECTED && packetNumber > state.acks.largestReceived;
    const reader = new ByteReader(view);
    let isAckEliciting = false;
    while (reader.remaining > 0 && this.#handler.closed === undefined) {
      const frame = decodeFrame(reader, state.space);
      if (dispatchFrame(frame, packet, players, this.#handler, now)) isAckEliciting = true;
    }
    if (isNewest && !packet.isProbing) this.#handler.migration.onNewest(packet, now);
    // HELLO may have been discarded by one of these frames.
    if (!state.isDiscarded) state.acks.onPacketReceived(packetNumber, isAckEliciting, now);
  }

  /** A client takes the server's own ID from its first authentic packet, and no other later [HSK-4]. */
  #learnServerId(sourceId: Uint8Array): boolean {
    const { path, remoteIds } = this.#players;
    if (this.#hasServerId) return isSameId(path.destination.id, sourceId);
    if (sourceId.length !== CONNECTION_ID_BYTES) return false;
    path.destination = remoteIds.replaceFirst(sourceId.slice());
    this.#hasServerId = true;
    return true;
  }

  #isOurs(destinationId: Uint8Array): boolean {
    const { role, helloId, localIds } = this.#players;
    return localIds.has(destinationId) || (role === 'server' && isSameId(destinationId, helloId));
  }

  #drop(reason: DropReason, bytes: number, now: number): void {
    this.#players.stats.drops[reason]++;
    this.#players.observer?.onPacketDropped(reason, bytes, now);
  }
}

function packetBytes(header: HelloHeader | ShortHeader): number {
  return header.packetEnd - header.headerStart;
}
