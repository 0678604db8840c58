/**
 * Writes frames (PROTOCOL §6), one function for each type, named `write` and the type. Those of a fixed small size
 * return whether there was room, and write nothing when there was not. STREAM and HANDSHAKE write what stands before
 * the data: their users know the room from `…FrameOverhead` and copy the data behind it themselves.
 */
import { assert } from '../../base/assert.js';
import { type RangeSet } from '../../base/range-set.js';
import { type ByteWriter } from './byte-writer.js';
import { PATH_BYTES, RESET_TOKEN_BYTES, type CloseFrame } from './frame.js';
import { FrameType, StreamFlag } from './frame-type.js';
import { varintLength } from './varint.js';

export function writePing(writer: ByteWriter): boolean {
  return writeBare(writer, FrameType.PING);
}

export function writeHandshakeDone(writer: ByteWriter): boolean {
  return writeBare(writer, FrameType.HANDSHAKE_DONE);
}

/** `length` PADDING frames, each of one byte. */
export function writePadding(writer: ByteWriter, length: number): void {
  assert(length >= 0 && length <= writer.remaining, 'a writer has room for what is written');
  writer.bytes.fill(FrameType.PADDING, writer.offset, writer.offset + length);
  writer.offset += length;
}

/**
 * Acknowledges the newest of `received`, as many ranges as there is room for; returns how many that were, 0 when not
 * even one fits. `delayMicros` is cut to a whole number.
 */
export function writeAck(writer: ByteWriter, received: RangeSet, delayMicros: number): number {
  const newest = received.size - 1;
  assert(newest >= 0, 'an ACK acknowledges something');
  const largest = received.end(newest) - 1;
  const firstRange = largest - received.start(newest);
  const delay = Math.floor(delayMicros);
  const fixed =
    1 + varintLength(largest) + varintLength(delay) + varintLength(newest) + varintLength(firstRange);
  let room = writer.remaining - fixed;
  if (room < 0) return 0;

  let count = 0;
  while (count < newest) {
    const index = newest - count;
    room -= varintLength(gapBelow(received, index)) + varintLength(lengthField(received, index - 1));
    if (room < 0) break;
    count++;
  }

  writer.u8(FrameType.ACK);
  writer.varint(largest);
  writer.varint(delay);
  writer.varint(count);
  writer.varint(firstRange);
  for (let index = newest; index > newest - count; index--) {
    writer.varint(gapBelow(received, index));
    writer.varint(lengthField(received, index - 1));
  }
  return count + 1;
}

export function writeResetStream(
  writer: ByteWriter,
  streamId: number,
  code: number,
  finalSize: number,
): boolean {
  if (writer.remaining < 1 + varintLength(streamId) + varintLength(code) + varintLength(finalSize))
    return false;
  writer.u8(FrameType.RESET_STREAM);
  writer.varint(streamId);
  writer.varint(code);
  writer.varint(finalSize);
  return true;
}

export function writeStopSending(writer: ByteWriter, streamId: number, code: number): boolean {
  return writePair(writer, FrameType.STOP_SENDING, streamId, code);
}

/** Bytes of a HANDSHAKE frame of up to `length` bytes of data, without the data. */
export function handshakeFrameOverhead(offset: number, length: number): number {
  return 1 + varintLength(offset) + varintLength(length);
}

export function writeHandshakeHeader(writer: ByteWriter, offset: number, length: number): void {
  writer.u8(FrameType.HANDSHAKE);
  writer.varint(offset);
  writer.varint(length);
}

export function writeNewToken(writer: ByteWriter, token: Uint8Array): boolean {
  if (writer.remaining < 1 + varintLength(token.length) + token.length) return false;
  writer.u8(FrameType.NEW_TOKEN);
  writer.varint(token.length);
  writer.write(token);
  return true;
}

/** Bytes of a STREAM frame with a length field, of up to `length` bytes of data, without the data. */
export function streamFrameOverhead(streamId: number, offset: number, length: number): number {
  return 1 + varintLength(streamId) + (offset === 0 ? 0 : varintLength(offset)) + varintLength(length);
}

/** `hasLength` false: the data runs to the end of the packet, so nothing, not even PADDING, may follow [FRM-7]. */
export function writeStreamHeader(
  writer: ByteWriter,
  streamId: number,
  offset: number,
  length: number,
  fin: boolean,
  hasLength: boolean,
): void {
  let type: number = FrameType.STREAM;
  if (offset !== 0) type |= StreamFlag.OFFSET;
  if (hasLength) type |= StreamFlag.LENGTH;
  if (fin) type |= StreamFlag.FIN;
  writer.u8(type);
  writer.varint(streamId);
  if (offset !== 0) writer.varint(offset);
  if (hasLength) writer.varint(length);
}

export function writeMaxData(writer: ByteWriter, limit: number): boolean {
  return writeSingle(writer, FrameType.MAX_DATA, limit);
}

export function writeMaxStreamData(writer: ByteWriter, streamId: number, limit: number): boolean {
  return writePair(writer, FrameType.MAX_STREAM_DATA, streamId, limit);
}

/** `limit` counts streams. */
export function writeMaxStreams(writer: ByteWriter, limit: number): boolean {
  return writeSingle(writer, FrameType.MAX_STREAMS, limit);
}

export function writeDataBlocked(writer: ByteWriter, limit: number): boolean {
  return writeSingle(writer, FrameType.DATA_BLOCKED, limit);
}

export function writeStreamDataBlocked(writer: ByteWriter, streamId: number, limit: number): boolean {
  return writePair(writer, FrameType.STREAM_DATA_BLOCKED, streamId, limit);
}

export function writeStreamsBlocked(writer: ByteWriter, limit: number): boolean {
  return writeSingle(writer, FrameType.STREAMS_BLOCKED, limit);
}

export function writeNewConnectionId(
  writer: ByteWriter,
  sequence: number,
  retirePriorTo: number,
  connectionId: Uint8Array,
  resetToken: Uint8Array,
): boolean {
  assert(resetToken.length === RESET_TOKEN_BYTES, 'a reset token has 16 bytes');
  const numbers = varintLength(sequence) + varintLength(retirePriorTo);
  if (writer.remaining < 2 + numbers + connectionId.length + RESET_TOKEN_BYTES) return false;
  writer.u8(FrameType.NEW_CONNECTION_ID);
  writer.varint(sequence);
  writer.varint(retirePriorTo);
  writer.u8(connectionId.length);
  writer.write(connectionId);
  writer.write(resetToken);
  return true;
}

export function writeRetireConnectionId(writer: ByteWriter, sequence: number): boolean {
  return writeSingle(writer, FrameType.RETIRE_CONNECTION_ID, sequence);
}

export function writeAckFrequency(
  writer: ByteWriter,
  sequence: number,
  ackThreshold: number,
  reorderingThreshold: number,
): boolean {
  const bytes = 1 + varintLength(sequence) + varintLength(ackThreshold) + varintLength(reorderingThreshold);
  if (writer.remaining < bytes) return false;
  writer.u8(FrameType.ACK_FREQUENCY);
  writer.varint(sequence);
  writer.varint(ackThreshold);
  writer.varint(reorderingThreshold);
  return true;
}

export function writePathChallenge(writer: ByteWriter, bytes: Uint8Array): boolean {
  return writePath(writer, FrameType.PATH_CHALLENGE, bytes);
}

export function writePathResponse(writer: ByteWriter, bytes: Uint8Array): boolean {
  return writePath(writer, FrameType.PATH_RESPONSE, bytes);
}

/** A close fits beside a little else into the smallest datagram, whatever somebody gave as its reason [FRM-10]. */
export const MAX_REASON_BYTES = 256;

/** The reason is cut, at a whole character, to MAX_REASON_BYTES and to the room there is. */
export function writeClose(
  writer: ByteWriter,
  type: CloseFrame['type'],
  code: number,
  reason: string,
): boolean {
  const lengthFieldBytes = varintLength(MAX_REASON_BYTES);
  const room = writer.remaining - 1 - varintLength(code) - lengthFieldBytes;
  if (room < 0) return false;
  const text = new Uint8Array(Math.min(room, MAX_REASON_BYTES));
  const { written } = new TextEncoder().encodeInto(reason, text);
  writer.u8(type);
  writer.varint(code);
  writer.varint(written);
  writer.write(text.subarray(0, written));
  return true;
}

function writeBare(writer: ByteWriter, type: FrameType): boolean {
  if (writer.remaining < 1) return false;
  writer.u8(type);
  return true;
}

function writeSingle(writer: ByteWriter, type: FrameType, value: number): boolean {
  if (writer.remaining < 1 + varintLength(value)) return false;
  writer.u8(type);
  writer.varint(value);
  return true;
}

function writePair(writer: ByteWriter, type: FrameType, first: number, second: number): boolean {
  if (writer.remaining < 1 + varintLength(first) + varintLength(second)) return false;
  writer.u8(type);
  writer.varint(first);
  writer.varint(second);
  return true;
}

function writePath(writer: ByteWriter, type: FrameType, bytes: Uint8Array): boolean {
  assert(bytes.length === PATH_BYTES, 'a path frame has 8 bytes');
  if (writer.remaining < 1 + PATH_BYTES) return false;
  writer.u8(type);
  writer.write(bytes);
  return true;
}

/** The gap field between range `index` and the one below it (RFC 9000 §19.3.1). */
function gapBelow(received: RangeSet, index: number): number {
  return received.start(index) - received.end(index - 1) - 1;
}

/** The length field of a range: one less than the packets in it. */
function lengthField(received: RangeSet, index: number): number {
  return received.end(index) - received.start(index) - 1;
}
