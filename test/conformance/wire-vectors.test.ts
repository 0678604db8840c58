/**
 * Runs the vectors of PROTOCOL.md against our reader and writer. They were written out from the layout, so that a
 * mistake which both of ours make is found; whoever writes another implementation runs the same files.
 */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { RangeSet } from '../../src/base/range-set.js';
import { createPlaintextProtection } from '../../src/transport/protection/plaintext.js';
import { PacketSpace } from '../../src/transport/recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../../src/transport/transport-error.js';
import { ByteReader } from '../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { decodeFrame, type Frame } from '../../src/transport/wire/frame.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import * as frames from '../../src/transport/wire/frame-writer.js';
import {
  decodeHeader,
  encodeVersionNegotiation,
  patchHelloLength,
  readTruncatedPacketNumber,
  writeHelloHeader,
  writeRetryHeader,
  writeShortHeader,
  type Header,
} from '../../src/transport/wire/header.js';
import {
  decodePacketNumber,
  packetNumberLength,
  type PacketNumberLength,
} from '../../src/transport/wire/packet-number.js';
import {
  checkTransportParameters,
  decodeTransportParameters,
  encodeTransportParameters,
} from '../../src/transport/wire/transport-parameters.js';

interface Vector {
  readonly ids: readonly string[];
  readonly name: string;
}

/** Hex and what it means, as many as there are. */
type Parts = readonly (readonly [string, string])[];
type PacketName = keyof typeof PacketSpace;
type ErrorName = keyof typeof TransportErrorCode;

interface VarintVector extends Vector {
  readonly bytes: string;
  readonly value?: number;
  readonly canonical?: boolean;
  readonly error?: ErrorName;
}

interface PacketNumberVectors {
  readonly encode: readonly (Vector & {
    readonly packetNumber: number;
    readonly largestAcked: number;
    readonly bytes: string;
  })[];
  readonly decode: readonly (Vector & {
    readonly bytes: string;
    readonly largestReceived: number;
    readonly packetNumber: number;
  })[];
}

interface HeaderVector extends Vector {
  readonly datagram: Parts;
  readonly header?: unknown;
  readonly truncatedPacketNumber?: number;
  readonly drop?: string;
  readonly write?: boolean;
  readonly authentic?: boolean;
  /** Of the hello that a RETRY answers. */
  readonly originalDestinationId?: string;
}

interface FrameVectors {
  readonly frames: readonly (Vector & {
    readonly packets: readonly PacketName[];
    readonly payload: Parts;
    readonly length?: number;
    readonly frame: unknown;
    readonly canonical?: boolean;
  })[];
  readonly errors: readonly (Vector & {
    readonly payload: string;
    readonly error: ErrorName;
    readonly packets?: readonly PacketName[];
  })[];
}

interface ParameterVectors {
  readonly vectors: readonly (Vector & {
    readonly bytes: Parts;
    readonly parameters: unknown;
    readonly greaseId?: number;
    readonly canonical?: boolean;
    readonly badFrom: readonly ('client' | 'server')[];
  })[];
  readonly errors: readonly (Vector & { readonly bytes: string })[];
}

const PACKET_NAMES = Object.keys(PacketSpace) as PacketName[];

function load(section: string): unknown {
  return JSON.parse(readFileSync(new URL(`vectors/${section}.json`, import.meta.url), 'utf8'));
}

function title({ ids, name }: Vector): string {
  return `${ids.map((id) => `[${id}]`).join(' ')} ${name}`;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  expect(bytes.length * 2).toBe(hex.length);
  return bytes;
}

function joined(parts: Parts): Uint8Array {
  return bytesOf(parts.map(([hex]) => hex).join(''));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** As the vectors have it: byte strings in hex, what is undefined left out. */
function plain(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([name, field]: [string, unknown]) => [name, field instanceof Uint8Array ? hexOf(field) : field]),
  );
}

function errorOf(read: () => unknown): ErrorName | undefined {
  try {
    read();
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    const { code } = error;
    return (Object.keys(TransportErrorCode) as ErrorName[]).find((name) => TransportErrorCode[name] === code);
  }
  return undefined;
}

function written(write: (writer: ByteWriter) => void): string {
  const writer = new ByteWriter(new Uint8Array(2_000));
  write(writer);
  return hexOf(writer.bytes.subarray(0, writer.offset));
}

describe('varint.json', () => {
  const { decode } = load('varint') as { decode: readonly VarintVector[] };
  test.each(decode.map((vector) => [title(vector), vector] as const))('%s', (_, vector) => {
    const reader = new ByteReader(bytesOf(vector.bytes));
    if (vector.error !== undefined) {
      expect(errorOf(() => reader.varint())).toBe(vector.error);
      return;
    }
    const { value = NaN, canonical } = vector;
    expect([reader.varint(), reader.remaining]).toEqual([value, 0]);
    const ours = written((writer) => {
      writer.varint(value);
    });
    expect(ours === vector.bytes).toBe(canonical);
  });
});

describe('packet-number.json', () => {
  const { encode, decode } = load('packet-number') as PacketNumberVectors;
  test.each(encode.map((vector) => [title(vector), vector] as const))('encode: %s', (_, vector) => {
    const length = packetNumberLength(vector.packetNumber, vector.largestAcked);
    const ours = written((writer) => {
      writeShortHeader(writer, new Uint8Array(0), 0, vector.packetNumber, length);
    });
    expect(ours.slice(2)).toBe(vector.bytes);
  });

  test.each(decode.map((vector) => [title(vector), vector] as const))('decode: %s', (_, vector) => {
    const bytes = bytesOf(vector.bytes);
    const length = bytes.length as PacketNumberLength;
    const truncated = Number.parseInt(vector.bytes, 16);
    expect(decodePacketNumber(truncated, length, vector.largestReceived)).toBe(vector.packetNumber);
  });
});

/** Everything up to the payload, by our writers. */
function rewriteHeader(datagram: Uint8Array, header: Header): string {
  return written((writer) => {
    switch (header.kind) {
      case 'hello': {
        const packetNumber = readTruncatedPacketNumber(datagram, header);
        const position = writeHelloHeader(writer, { ...header, packetNumber });
        patchHelloLength(writer.bytes, position, header.packetEnd - header.packetNumberOffset);
        break;
      }
      case 'short': {
        const packetNumber = readTruncatedPacketNumber(datagram, header);
        writeShortHeader(
          writer,
          header.destinationId,
          header.keyPhase,
          packetNumber,
          header.packetNumberLength,
        );
        break;
      }
      case 'versionNegotiation': {
        const randomByte = (datagram[0] ?? 0) & 0x7f;
        writer.write(
          encodeVersionNegotiation(header.destinationId, header.sourceId, header.versions, randomByte),
        );
        break;
      }
      case 'retry':
        writeRetryHeader(writer, {
          ...header,
          token: datagram.subarray(header.tokenStart, header.packetEnd),
        });
        break;
      case 'unknownVersion':
        throw new Error('it is not written');
    }
  });
}

describe('header.json', () => {
  const { vectors } = load('header') as { vectors: readonly HeaderVector[] };
  test.each(vectors.map((vector) => [title(vector), vector] as const))('%s', (_, vector) => {
    const datagram = joined(vector.datagram);
    const header = decodeHeader(datagram, 0, 8);
    if (typeof header === 'string') {
      expect(header).toBe(vector.drop);
      return;
    }
    expect(plain(header)).toEqual(vector.header);
    if (header.kind === 'hello' || header.kind === 'short') {
      expect(readTruncatedPacketNumber(datagram, header)).toBe(vector.truncatedPacketNumber);
      const { headerStart, payloadStart, packetEnd } = header;
      const subject = header.kind === 'hello' ? header.destinationId : new Uint8Array(0);
      const { opener } = createPlaintextProtection(crc32, subject);
      const payload = opener.open(0, datagram, headerStart, payloadStart, packetEnd);
      expect(payload !== undefined).toBe(vector.authentic === true);
    }
    if (header.kind === 'retry' && vector.originalDestinationId !== undefined) {
      const { opener } = createPlaintextProtection(crc32, bytesOf(vector.originalDestinationId));
      const { headerStart, packetEnd } = header;
      const payload = opener.open(0, datagram, headerStart, packetEnd - opener.overhead, packetEnd);
      expect(payload !== undefined).toBe(vector.authentic === true);
    }
    if (vector.write === true) {
      const end = 'payloadStart' in header ? header.payloadStart : header.packetEnd;
      expect(rewriteHeader(datagram, header)).toBe(hexOf(datagram.subarray(0, end)));
    }
  });
});

/** `isLast`: a STREAM frame needs no length. */
function rewriteFrame(writer: ByteWriter, frame: Frame, isLast: boolean): void {
  switch (frame.type) {
    case FrameType.PADDING:
      throw new Error('the length of PADDING is not in the frame');
    case FrameType.PING:
      frames.writePing(writer);
      break;
    case FrameType.ACK: {
      const received = new RangeSet();
      for (let i = 0; i < frame.ranges.length; i += 2) {
        received.add(frame.ranges[i] ?? 0, (frame.ranges[i + 1] ?? 0) + 1);
      }
      frames.writeAck(writer, received, frame.delayMicros);
      break;
    }
    case FrameType.RESET_STREAM:
      frames.writeResetStream(writer, frame.streamId, frame.code, frame.finalSize);
      break;
    case FrameType.STOP_SENDING:
      frames.writeStopSending(writer, frame.streamId, frame.code);
      break;
    case FrameType.HANDSHAKE:
      frames.writeHandshakeHeader(writer, frame.offset, frame.data.length);
      writer.write(frame.data);
      break;
    case FrameType.STREAM:
      frames.writeStreamHeader(writer, frame.streamId, frame.offset, frame.data.length, frame.fin, !isLast);
      writer.write(frame.data);
      break;
    case FrameType.MAX_DATA:
      frames.writeMaxData(writer, frame.limit);
      break;
    case FrameType.MAX_STREAM_DATA:
      frames.writeMaxStreamData(writer, frame.streamId, frame.limit);
      break;
    case FrameType.MAX_STREAMS:
      frames.writeMaxStreams(writer, frame.limit);
      break;
    case FrameType.DATA_BLOCKED:
      frames.writeDataBlocked(writer, frame.limit);
      break;
    case FrameType.STREAM_DATA_BLOCKED:
      frames.writeStreamDataBlocked(writer, frame.streamId, frame.limit);
      break;
    case FrameType.STREAMS_BLOCKED:
      frames.writeStreamsBlocked(writer, frame.limit);
      break;
    case FrameType.NEW_TOKEN:
      frames.writeNewToken(writer, frame.token);
      break;
    case FrameType.NEW_CONNECTION_ID: {
      const { sequence, retirePriorTo, connectionId, resetToken } = frame;
      frames.writeNewConnectionId(writer, sequence, retirePriorTo, connectionId, resetToken);
      break;
    }
    case FrameType.RETIRE_CONNECTION_ID:
      frames.writeRetireConnectionId(writer, frame.sequence);
      break;
    case FrameType.PATH_CHALLENGE:
      frames.writePathChallenge(writer, frame.bytes);
      break;
    case FrameType.PATH_RESPONSE:
      frames.writePathResponse(writer, frame.bytes);
      break;
    case FrameType.CLOSE_TRANSPORT:
    case FrameType.CLOSE_APPLICATION:
      frames.writeClose(writer, frame.type, frame.code, frame.reason);
      break;
    case FrameType.ACK_FREQUENCY:
      frames.writeAckFrequency(writer, frame.sequence, frame.ackThreshold, frame.reorderingThreshold);
      break;
    case FrameType.HANDSHAKE_DONE:
      frames.writeHandshakeDone(writer);
  }
}

describe('frames.json', () => {
  const vectors = load('frames') as FrameVectors;
  test.each(vectors.frames.map((vector) => [title(vector), vector] as const))('%s', (_, vector) => {
    const payload = joined(vector.payload);
    const { length = payload.length } = vector;
    for (const name of PACKET_NAMES) {
      const reader = new ByteReader(payload);
      if (!vector.packets.includes(name)) {
        expect(errorOf(() => decodeFrame(reader, PacketSpace[name]))).toBe('PROTOCOL_VIOLATION');
        continue;
      }
      const frame = decodeFrame(reader, PacketSpace[name]);
      const type = Object.entries(FrameType).find(([, value]) => value === frame.type)?.[0];
      expect({ ...plain(frame), type }).toEqual(vector.frame);
      expect(reader.offset).toBe(length);
      if (vector.canonical === true) {
        const isLast = payload[0] === undefined || (payload[0] & 0x02) === 0;
        const ours = written((writer) => {
          rewriteFrame(writer, frame, isLast);
        });
        expect(ours).toBe(hexOf(payload.subarray(0, length)));
      }
    }
  });

  test.each(vectors.errors.map((vector) => [title(vector), vector] as const))('%s', (_, vector) => {
    for (const name of vector.packets ?? PACKET_NAMES) {
      const reader = new ByteReader(bytesOf(vector.payload));
      expect(errorOf(() => decodeFrame(reader, PacketSpace[name]))).toBe(vector.error);
    }
  });
});

describe('transport-parameters.json', () => {
  const { vectors, errors } = load('transport-parameters') as ParameterVectors;
  test.each(vectors.map((vector) => [title(vector), vector] as const))('%s', (_, vector) => {
    const bytes = joined(vector.bytes);
    const parameters = decodeTransportParameters(bytes);
    expect(plain(parameters)).toEqual(vector.parameters);
    if (vector.canonical === true) {
      expect(hexOf(encodeTransportParameters(parameters, vector.greaseId))).toBe(hexOf(bytes));
    }
    for (const sender of ['client', 'server'] as const) {
      const expected = vector.badFrom.includes(sender) ? 'TRANSPORT_PARAMETER_ERROR' : undefined;
      expect(
        errorOf(() => {
          checkTransportParameters(parameters, sender);
        }),
      ).toBe(expected);
    }
  });

  test.each(errors.map((vector) => [title(vector), vector] as const))('%s', (_, vector) => {
    expect(errorOf(() => decodeTransportParameters(bytesOf(vector.bytes)))).toBe('TRANSPORT_PARAMETER_ERROR');
  });
});
