/**
 * Packet headers: which packet this is, whose, and where its parts stand (PROTOCOL §4). Decoding never throws: what is
 * no packet of ours is a HeaderError, to be dropped and counted. Connection IDs and tokens are views of the datagram.
 * Whether the packet is authentic is not known here; that is for the protection.
 */
import { assert } from '../../base/assert.js';
import { type ByteWriter } from './byte-writer.js';
import { MAX_CONNECTION_ID_BYTES } from './frame.js';
import { type PacketNumberLength } from './packet-number.js';
import { ProtocolVersion, isBuiltVersion } from './version.js';

/** A long header that carries frames while the two sides connect. */
export interface HelloHeader {
  readonly kind: 'hello';
  readonly version: number;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  /** Empty when there is none. */
  readonly token: Uint8Array;
  readonly headerStart: number;
  readonly packetNumberOffset: number;
  readonly packetNumberLength: PacketNumberLength;
  readonly payloadStart: number;
  /** Where the next packet of the datagram starts; what protection appended is before it. */
  readonly packetEnd: number;
}

/** The server wants the address proved first. */
export interface RetryHeader {
  readonly kind: 'retry';
  readonly version: number;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  readonly headerStart: number;
  /** The token runs from here to what protection appended, whose length only that knows. */
  readonly tokenStart: number;
  /** Always the end of the datagram [HDR-9]. */
  readonly packetEnd: number;
}

/** A long header of a version that is not built here: only the frozen fields are known [VER-2]. */
export interface UnknownVersionHeader {
  readonly kind: 'unknownVersion';
  readonly version: number;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  readonly headerStart: number;
  readonly packetEnd: number;
}

export interface VersionNegotiationHeader {
  readonly kind: 'versionNegotiation';
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  readonly versions: readonly number[];
  readonly headerStart: number;
  readonly packetEnd: number;
}

export interface ShortHeader {
  readonly kind: 'short';
  readonly destinationId: Uint8Array;
  readonly keyPhase: 0 | 1;
  readonly headerStart: number;
  readonly packetNumberOffset: number;
  readonly packetNumberLength: PacketNumberLength;
  readonly payloadStart: number;
  /** Always the end of the datagram [HDR-7]. */
  readonly packetEnd: number;
}

export type LongHeader = HelloHeader | RetryHeader | UnknownVersionHeader;
export type Header = LongHeader | ShortHeader | VersionNegotiationHeader;

/** Why something is no packet of ours. */
export type HeaderError =
  'truncated' | 'fixedBitClear' | 'connectionIdTooLong' | 'unknownPacketType' | 'badVersionList';

/** The first byte of a packet. */
export const HeaderBits = {
  /** Long or short: the same in all versions [HDR-1]. */
  FORM: 0x80,
  /** Tells our packets from those of other protocols on the same port [HDR-2]. */
  FIXED: 0x40,
  TYPE_MASK: 0x30,
  TYPE_HELLO: 0x00,
  TYPE_RETRY: 0x10,
  KEY_PHASE: 0x04,
  PACKET_NUMBER_LENGTH_MASK: 0x03,
} as const;

/** First byte, version, and the two lengths of empty connection IDs. */
export const SHORTEST_LONG_HEADER = 7;

/**
 * Reads the header of the packet at `offset`, which is within the datagram or at its end. `shortIdLength` is the
 * length of the connection IDs that the receiver hands out: a short header does not carry it.
 */
export function decodeHeader(
  datagram: Uint8Array,
  offset: number,
  shortIdLength: number,
): Header | HeaderError {
  const first = datagram[offset];
  if (first === undefined) return 'truncated';
  return (first & HeaderBits.FORM) === 0
    ? decodeShort(datagram, offset, first, shortIdLength)
    : decodeLong(datagram, offset, first);
}

/** The bytes of the packet number as they stand in the packet; decodePacketNumber completes them. */
export function readTruncatedPacketNumber(datagram: Uint8Array, header: HelloHeader | ShortHeader): number {
  const end = header.payloadStart;
  let value = 0;
  for (let i = header.packetNumberOffset; i < end; i++) value = value * 256 + (datagram[i] as number);
  return value;
}

export interface HelloHeaderFields {
  readonly version: number;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  readonly token: Uint8Array;
  readonly packetNumber: number;
  readonly packetNumberLength: PacketNumberLength;
}

/** Writes up to the packet number; returns where the length stands, for patchHelloLength [HDR-5]. */
export function writeHelloHeader(writer: ByteWriter, fields: HelloHeaderFields): number {
  const { destinationId, sourceId, token, packetNumberLength } = fields;
  assertIdLengths(destinationId, sourceId);
  writer.u8(HeaderBits.FORM | HeaderBits.FIXED | HeaderBits.TYPE_HELLO | (packetNumberLength - 1));
  writer.u32(fields.version);
  writer.u8(destinationId.length);
  writer.write(destinationId);
  writer.u8(sourceId.length);
  writer.write(sourceId);
  writer.varint(token.length);
  writer.write(token);
  const lengthPosition = writer.offset;
  writer.varint2(0);
  writePacketNumber(writer, fields.packetNumber, packetNumberLength);
  return lengthPosition;
}

/** `length` counts the packet number, the payload and what protection appends. */
export function patchHelloLength(bytes: Uint8Array, position: number, length: number): void {
  assert(length > 0 && length < 0x4000, 'a hello packet is below 16,384 bytes');
  bytes[position] = 0x40 | (length >>> 8);
  bytes[position + 1] = length;
}

export type RetryHeaderFields = Pick<HelloHeaderFields, 'version' | 'destinationId' | 'sourceId' | 'token'>;

/** All of a RETRY but what protection appends: its payload is empty [HDR-9]. */
export function writeRetryHeader(writer: ByteWriter, fields: RetryHeaderFields): void {
  const { destinationId, sourceId, token } = fields;
  assertIdLengths(destinationId, sourceId);
  writer.u8(HeaderBits.FORM | HeaderBits.FIXED | HeaderBits.TYPE_RETRY);
  writer.u32(fields.version);
  writer.u8(destinationId.length);
  writer.write(destinationId);
  writer.u8(sourceId.length);
  writer.write(sourceId);
  writer.write(token);
}

export function writeShortHeader(
  writer: ByteWriter,
  destinationId: Uint8Array,
  keyPhase: 0 | 1,
  packetNumber: number,
  packetNumberLength: PacketNumberLength,
): void {
  writer.u8(HeaderBits.FIXED | (keyPhase === 1 ? HeaderBits.KEY_PHASE : 0) | (packetNumberLength - 1));
  writer.write(destinationId);
  writePacketNumber(writer, packetNumber, packetNumberLength);
}

/**
 * A whole datagram that answers a hello of a version that is not spoken: `destinationId` and `sourceId` are the
 * hello's source and destination. `randomByte` (0..255) fills the unused bits of the first byte [VER-4].
 */
export function encodeVersionNegotiation(
  destinationId: Uint8Array,
  sourceId: Uint8Array,
  versions: readonly number[],
  randomByte: number,
): Uint8Array {
  assertIdLengths(destinationId, sourceId);
  const bytes = new Uint8Array(
    SHORTEST_LONG_HEADER + destinationId.length + sourceId.length + 4 * versions.length,
  );
  const view = new DataView(bytes.buffer);
  let at = 5;
  bytes[0] = HeaderBits.FORM | randomByte;
  for (const id of [destinationId, sourceId]) {
    bytes[at] = id.length;
    bytes.set(id, at + 1);
    at += 1 + id.length;
  }
  for (const version of versions) {
    view.setUint32(at, version);
    at += 4;
  }
  return bytes;
}

function decodeShort(
  datagram: Uint8Array,
  headerStart: number,
  first: number,
  idLength: number,
): ShortHeader | HeaderError {
  if ((first & HeaderBits.FIXED) === 0) return 'fixedBitClear';
  const packetNumberLength = packetNumberLengthOf(first);
  const packetNumberOffset = headerStart + 1 + idLength;
  const payloadStart = packetNumberOffset + packetNumberLength;
  if (payloadStart > datagram.length) return 'truncated';
  return {
    kind: 'short',
    destinationId: datagram.subarray(headerStart + 1, packetNumberOffset),
    keyPhase: (first & HeaderBits.KEY_PHASE) === 0 ? 0 : 1,
    headerStart,
    packetNumberOffset,
    packetNumberLength,
    payloadStart,
    packetEnd: datagram.length,
  };
}

/** First what is frozen for all versions [VER-1] [HDR-3], then what is this version's. */
function decodeLong(datagram: Uint8Array, headerStart: number, first: number): Header | HeaderError {
  const packetEnd = datagram.length;
  if (headerStart + SHORTEST_LONG_HEADER > packetEnd) return 'truncated';
  const version = u32At(datagram, headerStart + 1);
  const destinationStart = headerStart + 6;
  const destinationEnd = destinationStart + (datagram[destinationStart - 1] as number);
  if (destinationEnd - destinationStart > MAX_CONNECTION_ID_BYTES) return 'connectionIdTooLong';
  const sourceLength = datagram[destinationEnd];
  if (sourceLength === undefined) return 'truncated';
  if (sourceLength > MAX_CONNECTION_ID_BYTES) return 'connectionIdTooLong';
  const sourceEnd = destinationEnd + 1 + sourceLength;
  if (sourceEnd > packetEnd) return 'truncated';
  const destinationId = datagram.subarray(destinationStart, destinationEnd);
  const sourceId = datagram.subarray(destinationEnd + 1, sourceEnd);

  if (version === ProtocolVersion.NEGOTIATION) {
    const versions = readVersions(datagram, sourceEnd);
    if (versions === undefined) return 'badVersionList';
    return { kind: 'versionNegotiation', destinationId, sourceId, versions, headerStart, packetEnd };
  }
  if (!isBuiltVersion(version)) {
    return { kind: 'unknownVersion', version, destinationId, sourceId, headerStart, packetEnd };
  }
  if ((first & HeaderBits.FIXED) === 0) return 'fixedBitClear';
  const ids = { version, destinationId, sourceId, headerStart };
  switch (first & HeaderBits.TYPE_MASK) {
    case HeaderBits.TYPE_HELLO:
      return decodeHello(datagram, sourceEnd, packetNumberLengthOf(first), ids);
    case HeaderBits.TYPE_RETRY:
      return decodeRetry(datagram, sourceEnd, ids);
    default:
      return 'unknownPacketType';
  }
}

type LongFields = Pick<HelloHeader, 'version' | 'destinationId' | 'sourceId' | 'headerStart'>;

/** [HDR-4] [HDR-5] */
function decodeHello(
  datagram: Uint8Array,
  start: number,
  packetNumberLength: PacketNumberLength,
  fields: LongFields,
): HelloHeader | HeaderError {
  const tokenLength = varintAt(datagram, start);
  if (tokenLength === -1) return 'truncated';
  const tokenStart = start + varintBytesAt(datagram, start);
  const tokenEnd = tokenStart + tokenLength;
  const length = varintAt(datagram, tokenEnd);
  if (length === -1) return 'truncated';
  const packetNumberOffset = tokenEnd + varintBytesAt(datagram, tokenEnd);
  const packetEnd = packetNumberOffset + length;
  if (length < packetNumberLength || packetEnd > datagram.length) return 'truncated';
  const { version, destinationId, sourceId, headerStart } = fields;
  return {
    kind: 'hello',
    version,
    destinationId,
    sourceId,
    token: datagram.subarray(tokenStart, tokenEnd),
    headerStart,
    packetNumberOffset,
    packetNumberLength,
    payloadStart: packetNumberOffset + packetNumberLength,
    packetEnd,
  };
}

/** [HDR-9] */
function decodeRetry(
  datagram: Uint8Array,
  tokenStart: number,
  fields: LongFields,
): RetryHeader | HeaderError {
  const packetEnd = datagram.length;
  if (tokenStart === packetEnd) return 'truncated';
  const { version, destinationId, sourceId, headerStart } = fields;
  return { kind: 'retry', version, destinationId, sourceId, headerStart, tokenStart, packetEnd };
}

/** One version at least, and nothing left over. */
function readVersions(datagram: Uint8Array, start: number): number[] | undefined {
  const bytes = datagram.length - start;
  if (bytes === 0 || bytes % 4 !== 0) return undefined;
  const versions: number[] = [];
  for (let at = start; at < datagram.length; at += 4) versions.push(u32At(datagram, at));
  return versions;
}

function writePacketNumber(writer: ByteWriter, packetNumber: number, length: PacketNumberLength): void {
  // Bitwise operators see a number modulo 2^32, which is all that ever travels.
  for (let shift = 8 * (length - 1); shift >= 0; shift -= 8) writer.u8((packetNumber >>> shift) & 0xff);
}

function packetNumberLengthOf(first: number): PacketNumberLength {
  return ((first & HeaderBits.PACKET_NUMBER_LENGTH_MASK) + 1) as PacketNumberLength;
}

function assertIdLengths(destinationId: Uint8Array, sourceId: Uint8Array): void {
  const longest = Math.max(destinationId.length, sourceId.length);
  assert(longest <= MAX_CONNECTION_ID_BYTES, 'a connection ID has at most 20 bytes');
}

function varintBytesAt(bytes: Uint8Array, offset: number): number {
  return 1 << ((bytes[offset] as number) >>> 6);
}

/**
 * A varint without ByteReader's exceptions; -1 when it does not end within the bytes. Here each is a length, so that
 * what a double cannot hold exactly is far beyond the datagram anyway.
 */
function varintAt(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset];
  if (first === undefined) return -1;
  const length = 1 << (first >>> 6);
  if (offset + length > bytes.length) return -1;
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + (bytes[offset + i] as number);
  return value;
}

function u32At(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] as number) << 24) |
      ((bytes[offset + 1] as number) << 16) |
      ((bytes[offset + 2] as number) << 8) |
      (bytes[offset + 3] as number)) >>>
    0
  );
}
