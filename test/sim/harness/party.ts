/**
 * One side of one connection as the wire shows it: what it sent, what of that arrived, what it granted and what it
 * used of what its peer granted. `WireTap` tells it of each of its frames.
 */
import { RangeSet } from '../../../src/base/range-set.js';
import { PacketSpace } from '../../../src/transport/recovery/sent-packet.js';
import { type Opener } from '../../../src/transport/protection/protection.js';
import { ByteReader } from '../../../src/transport/wire/byte-reader.js';
import { type AckFrame, type Frame, type StreamFrame } from '../../../src/transport/wire/frame.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import {
  decodeTransportParameters,
  DEFAULT_TRANSPORT_PARAMETERS,
  type TransportParameters,
} from '../../../src/transport/wire/transport-parameters.js';
import { ProtocolVersion } from '../../../src/transport/wire/version.js';
import { KeyTrail } from './key-trail.js';
import { type SimProtection } from './sim-protection.js';
import { check } from './violation.js';

export interface PartyFacts {
  readonly id: string;
  readonly isServer: boolean;
  /** Where the client's hellos go, as far as this side knows. */
  readonly helloId: Uint8Array;
  readonly mostStreamWindow: number;
  readonly protection: SimProtection;
}

export class Party {
  readonly id: string;
  readonly isServer: boolean;
  /** What HELLO packets of both sides are protected with: where the client's go at first, then by a RETRY. */
  readonly helloIds: Uint8Array[];
  peer: Party | undefined;
  /** Several connections of a server answer it: nothing can be said of who granted what. */
  isAmbiguous = false;
  readonly #lastSent = [-1, -1];
  readonly #arrived = [new RangeSet(), new RangeSet()];
  readonly #protection: SimProtection;
  #helloOpener: Opener;
  /** Of its PROTECTED packets, once that can be known. */
  #keys: KeyTrail | undefined;
  /** All of the handshake stream. */
  #blob: Uint8Array | undefined;
  #parameters: TransportParameters | undefined;
  #maxData = 0;
  #maxStreams = 0;
  readonly #maxStreamData = new Map<number, number>();
  /** By stream, the end of the bytes sent. */
  readonly #streamEnds = new Map<number, number>();
  readonly #finalSizes = new Map<number, number>();
  #sentOnStreams = 0;
  /** Datagrams of PING and PADDING, by packet number, as far as they were not acknowledged. */
  readonly #probes = new Map<number, { readonly bytes: number; readonly to: string }>();
  /** By the IP address it sends to. */
  readonly #provenBytes = new Map<string, number>();
  #hasClosed = false;
  /** To what its window may be tuned. */
  readonly #mostStreamWindow: number;

  constructor({ id, isServer, helloId, mostStreamWindow, protection }: PartyFacts) {
    this.#mostStreamWindow = mostStreamWindow;
    this.#protection = protection;
    this.id = id;
    this.isServer = isServer;
    this.helloIds = [helloId];
    this.#helloOpener = this.#helloOpenerOf(helloId);
  }

  isHelloId(id: Uint8Array): boolean {
    return this.helloIds.some((helloId) => Buffer.compare(helloId, id) === 0);
  }

  /** A client's hellos go to the source ID of a RETRY from now on. */
  onRetryFollowed(sourceId: Uint8Array): void {
    check(this.helloIds.length === 1, () => `${this.id}: follows a second RETRY`);
    this.helloIds.push(sourceId);
    this.#helloOpener = this.#helloOpenerOf(sourceId);
  }

  get maxDatagramSize(): number | undefined {
    return this.#parameters?.maxDatagramSize;
  }

  /** The largest datagram to this IP address that its peer has acknowledged as a probe, or the size that needs none. */
  provenBytes(to: string): number {
    if (this.isAmbiguous || this.peer?.isAmbiguous === true) return Infinity;
    return this.#provenBytes.get(to) ?? BASE_BYTES;
  }

  onProbe(packetNumber: number, bytes: number, to: string): void {
    if (bytes > this.provenBytes(to)) this.#probes.set(packetNumber, { bytes, to });
  }

  get grantedData(): number {
    return Math.max(this.#parameters?.initialMaxData ?? 0, this.#maxData);
  }

  get grantedStreams(): number {
    return Math.max(this.#parameters?.initialMaxStreams ?? 0, this.#maxStreams);
  }

  grantedOnStream(streamId: number): number {
    return Math.max(this.#parameters?.initialMaxStreamData ?? 0, this.#maxStreamData.get(streamId) ?? 0);
  }

  /** Of what this side seals, or undefined when that is not known. */
  opener(space: PacketSpace, keyPhase: 0 | 1): Opener | undefined {
    if (space === PacketSpace.HELLO) return this.#helloOpener;
    if (this.#keys !== undefined) return this.#keys.opener(keyPhase);
    const blobs = this.isServer ? [this.peer?.blob, this.#blob] : [this.#blob];
    if (blobs.includes(undefined)) return undefined;
    const subject = Buffer.concat(blobs as Uint8Array[]);
    this.#keys = new KeyTrail(this.#protection.opener(subject));
    return this.#keys.opener(keyPhase);
  }

  get blob(): Uint8Array | undefined {
    return this.#blob;
  }

  lastSent(space: PacketSpace): number {
    return this.#lastSent[space] ?? -1;
  }

  onSent(space: PacketSpace, packetNumber: number, keyPhase: 0 | 1): void {
    this.#lastSent[space] = packetNumber;
    if (space === PacketSpace.HELLO) return;
    const { peer } = this;
    const isKnown = peer !== undefined && !this.isAmbiguous && !peer.isAmbiguous;
    this.#keys?.onSent(packetNumber, keyPhase, isKnown ? peer.#keys : undefined);
  }

  /** How many different packets of this side's arrived. */
  get arrivedCount(): number {
    let count = 0;
    for (const set of this.#arrived) {
      for (let index = 0; index < set.size; index++) count += set.end(index) - set.start(index);
    }
    return count;
  }

  onArrived(space: PacketSpace, packetNumber: number): void {
    this.#arrived[space]?.add(packetNumber, packetNumber + 1);
  }

  onFrame(frame: Frame, space: PacketSpace): void {
    const isClose = frame.type === FrameType.CLOSE_TRANSPORT || frame.type === FrameType.CLOSE_APPLICATION;
    check(
      isClose || !this.#hasClosed || frame.type === FrameType.PADDING,
      () => 'sent a frame after its CLOSE',
    );
    switch (frame.type) {
      case FrameType.HANDSHAKE:
        if (frame.offset === 0) this.#readParameters(frame.data);
        return;
      case FrameType.ACK:
        this.#onAck(frame, space);
        return;
      case FrameType.STREAM:
        this.#onStream(frame);
        return;
      case FrameType.RESET_STREAM:
        this.#onFinalSize(frame.streamId, frame.finalSize);
        return;
      case FrameType.MAX_DATA:
        check(frame.limit >= this.#maxData, () => `MAX_DATA ${frame.limit} after ${this.#maxData}`);
        this.#maxData = frame.limit;
        return;
      case FrameType.MAX_STREAM_DATA: {
        const before = this.#maxStreamData.get(frame.streamId) ?? 0;
        check(frame.limit >= before, () => `MAX_STREAM_DATA ${frame.limit} after ${before}`);
        this.#checkStreamWindow(frame.streamId, frame.limit);
        this.#maxStreamData.set(frame.streamId, frame.limit);
        return;
      }
      case FrameType.MAX_STREAMS:
        check(frame.limit >= this.#maxStreams, () => `MAX_STREAMS ${frame.limit} after ${this.#maxStreams}`);
        this.#maxStreams = frame.limit;
        return;
      case FrameType.CLOSE_TRANSPORT:
      case FrameType.CLOSE_APPLICATION:
        this.#hasClosed = true;
        return;
      default:
        return;
    }
  }

  /** Of plaintext the whole handshake stream is one blob: its length, then the parameters. */
  #readParameters(data: Uint8Array): void {
    if (this.#parameters !== undefined) return;
    const reader = new ByteReader(data);
    const length = reader.varint();
    if (length > reader.remaining) return;
    this.#blob = data.slice();
    this.#parameters = decodeTransportParameters(reader.view(length));
  }

  #onAck(frame: AckFrame, space: PacketSpace): void {
    const { peer } = this;
    if (peer === undefined || this.isAmbiguous) return;
    for (let index = 0; index < frame.ranges.length; index += 2) {
      const smallest = frame.ranges[index] ?? 0;
      const largest = frame.ranges[index + 1] ?? 0;
      check(
        peer.#arrived[space]?.containsRange(smallest, largest + 1) === true,
        () => `acknowledged ${smallest}..${largest} of space ${space}, of which not all arrived`,
      );
      if (space === PacketSpace.PROTECTED) peer.#onProbesAcknowledged(smallest, largest);
    }
    if (space === PacketSpace.PROTECTED) this.#keys?.onAckSent(frame.largest, peer.#keys);
  }

  #onProbesAcknowledged(smallest: number, largest: number): void {
    for (const [packetNumber, { bytes, to }] of this.#probes) {
      if (packetNumber < smallest || packetNumber > largest) continue;
      this.#probes.delete(packetNumber);
      this.#provenBytes.set(to, Math.max(this.#provenBytes.get(to) ?? BASE_BYTES, bytes));
    }
  }

  #onStream(frame: StreamFrame): void {
    const { streamId } = frame;
    const end = frame.offset + frame.data.length;
    const before = this.#streamEnds.get(streamId) ?? 0;
    const finalSize = this.#finalSizes.get(streamId);
    check(
      finalSize === undefined || end <= finalSize,
      () => `stream ${streamId}: bytes up to ${end} after a final size of ${String(finalSize)}`,
    );
    if (frame.fin) this.#onFinalSize(streamId, end);
    if (end <= before && this.#streamEnds.has(streamId)) return;
    this.#streamEnds.set(streamId, end);
    this.#sentOnStreams += end - before;
    this.#checkGrants(streamId, end, frame.offset >= BULK_FROM);
  }

  #helloOpenerOf(helloId: Uint8Array): Opener {
    const receiver = this.isServer ? 'client' : 'server';
    return this.#protection.helloProtection(ProtocolVersion.PLAINTEXT, helloId, receiver).opener;
  }

  /** What it grants beyond what was sent to it, which is at least what was read, is no more than its window may be. */
  #checkStreamWindow(streamId: number, limit: number): void {
    if (this.isAmbiguous || this.peer === undefined) return;
    const ahead = limit - (this.peer.#streamEnds.get(streamId) ?? 0);
    check(
      ahead <= this.#mostStreamWindow,
      () => `stream ${streamId}: ${ahead} bytes of credit, of at most ${this.#mostStreamWindow}`,
    );
  }

  /** [FLC-6] At least so much of the connection's credit is not for bulk. */
  #reserve(firstFlightData: number): number {
    const granted = this.peer?.initialMaxData ?? 0;
    const first = firstFlightData === 0 ? granted : Math.min(firstFlightData, granted);
    return Math.min(32_768, Math.floor(first / 8));
  }

  get initialMaxData(): number {
    return this.#parameters?.initialMaxData ?? 0;
  }

  #onFinalSize(streamId: number, finalSize: number): void {
    const before = this.#finalSizes.get(streamId) ?? finalSize;
    check(before === finalSize, () => `stream ${streamId}: final size ${finalSize} after ${before}`);
    const end = this.#streamEnds.get(streamId) ?? 0;
    check(finalSize >= end, () => `stream ${streamId}: final size ${finalSize} below the ${end} bytes sent`);
    this.#finalSizes.set(streamId, finalSize);
  }

  #checkGrants(streamId: number, end: number, isBulk: boolean): void {
    if (this.isAmbiguous) return;
    // Before it has heard the server a client may use what every server grants.
    const first = this.isServer ? NOTHING : DEFAULT_TRANSPORT_PARAMETERS;
    const maxStreamData = Math.max(first.initialMaxStreamData, this.peer?.grantedOnStream(streamId) ?? 0);
    check(end <= maxStreamData, () => `stream ${streamId}: ${end} bytes, ${maxStreamData} granted`);
    const maxData = Math.max(first.initialMaxData, this.peer?.grantedData ?? 0);
    const reserve = isBulk ? this.#reserve(first.initialMaxData) : 0;
    check(
      this.#sentOnStreams <= maxData - reserve,
      () => `${this.#sentOnStreams} bytes on streams, ${maxData} granted, of which bulk leaves ${reserve}`,
    );
    if ((streamId % 2 === 1) !== this.isServer) return;
    const maxStreams = Math.max(first.initialMaxStreams, this.peer?.grantedStreams ?? 0);
    check(
      Math.floor(streamId / 2) < maxStreams,
      () => `stream ${streamId} opened, ${maxStreams} streams granted`,
    );
  }
}

const BASE_BYTES = 1_200;
/** What stands here and behind in a stream belongs to no small call. */
const BULK_FROM = 16_384;
const NOTHING = { initialMaxData: 0, initialMaxStreamData: 0, initialMaxStreams: 0 };
