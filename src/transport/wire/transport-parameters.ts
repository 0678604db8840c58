/**
 * What each side tells the other about itself in the handshake (PROTOCOL §7): a sequence of {id, length, value}.
 * Decoding checks what the bytes alone decide; `checkTransportParameters` adds what depends on who sent them.
 * Everything wrong is a TransportError TRANSPORT_PARAMETER_ERROR.
 */
import { assert } from '../../base/assert.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { MAX_CONNECTION_ID_BYTES, MAX_STREAM_COUNT } from './frame.js';
import { MAX_VARINT, varintLength } from './varint.js';

export interface TransportParameters {
  /** 0: this side sets no limit of its own. The smaller of both sides' counts. */
  readonly idleTimeoutMs: number;
  /** Largest datagram this side takes, at least 1,200 bytes. */
  readonly maxDatagramSize: number;
  /** Bytes the peer may send on all streams together before the first MAX_DATA. */
  readonly initialMaxData: number;
  /** Bytes the peer may send on each stream before the first MAX_STREAM_DATA. */
  readonly initialMaxStreamData: number;
  /** Streams the peer may open before the first MAX_STREAMS. */
  readonly initialMaxStreams: number;
  /** How long this side may hold an acknowledgement back. */
  readonly maxAckDelayMs: number;
  /** Connection IDs of the peer's that this side keeps, at least 2. */
  readonly activeConnectionIdLimit: number;
  /** The source connection ID of this side's first packet. */
  readonly sourceConnectionId: Uint8Array;
  /** Server only: where the client's very first packet went. */
  readonly originalDestinationConnectionId?: Uint8Array | undefined;
  /** Server only: the source connection ID of the RETRY, when there was one. */
  readonly retrySourceConnectionId?: Uint8Array | undefined;
  /** Bytes of the socket's receive buffer, when known. */
  readonly receiveBufferBytes?: number | undefined;
  /** Server only: 8 random bytes, new with each start of the process. */
  readonly incarnation?: Uint8Array | undefined;
  /** Versions this side speaks, the preferred one first. */
  readonly versions: readonly number[];
}

/** What holds for a parameter that was not sent; the limits are also those of a first flight [TPM-5]. */
export const DEFAULT_TRANSPORT_PARAMETERS = {
  idleTimeoutMs: 0,
  maxDatagramSize: 1_200,
  initialMaxData: 262_144,
  initialMaxStreamData: 65_536,
  initialMaxStreams: 64,
  maxAckDelayMs: 2,
  activeConnectionIdLimit: 2,
} as const;

export const INCARNATION_BYTES = 8;

export const ParameterId = {
  ORIGINAL_DESTINATION_CONNECTION_ID: 0x00,
  IDLE_TIMEOUT_MS: 0x01,
  MAX_DATAGRAM_SIZE: 0x03,
  INITIAL_MAX_DATA: 0x04,
  INITIAL_MAX_STREAM_DATA: 0x05,
  INITIAL_MAX_STREAMS: 0x08,
  MAX_ACK_DELAY_MS: 0x0b,
  ACTIVE_CONNECTION_ID_LIMIT: 0x0e,
  SOURCE_CONNECTION_ID: 0x0f,
  RETRY_SOURCE_CONNECTION_ID: 0x10,
  RECEIVE_BUFFER_BYTES: 0x20,
  INCARNATION: 0x21,
  VERSIONS: 0x22,
} as const;

/** The parameters that are one varint, and the values each may have [TPM-3]. */
const INTEGERS = {
  idleTimeoutMs: { id: ParameterId.IDLE_TIMEOUT_MS, min: 0, max: MAX_VARINT },
  maxDatagramSize: { id: ParameterId.MAX_DATAGRAM_SIZE, min: 1_200, max: MAX_VARINT },
  initialMaxData: { id: ParameterId.INITIAL_MAX_DATA, min: 0, max: MAX_VARINT },
  initialMaxStreamData: { id: ParameterId.INITIAL_MAX_STREAM_DATA, min: 0, max: MAX_VARINT },
  initialMaxStreams: { id: ParameterId.INITIAL_MAX_STREAMS, min: 0, max: MAX_STREAM_COUNT },
  // Above 2^14 ms it would be no acknowledgement delay any more (RFC 9000 §18.2).
  maxAckDelayMs: { id: ParameterId.MAX_ACK_DELAY_MS, min: 0, max: 2 ** 14 - 1 },
  activeConnectionIdLimit: { id: ParameterId.ACTIVE_CONNECTION_ID_LIMIT, min: 2, max: MAX_VARINT },
  receiveBufferBytes: { id: ParameterId.RECEIVE_BUFFER_BYTES, min: 0, max: MAX_VARINT },
} as const;

type IntegerName = keyof typeof INTEGERS;

const INTEGER_NAMES = Object.keys(INTEGERS) as IntegerName[];
const INTEGER_NAME_BY_ID = new Map<number, IntegerName>(
  INTEGER_NAMES.map((name) => [INTEGERS[name].id, name]),
);

/** `greaseId`: an id of the form 31 * n + 27 that means nothing, so that peers stay tolerant [TPM-4]. */
export function encodeTransportParameters(parameters: TransportParameters, greaseId?: number): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(encodedBound(parameters)));
  writeBytes(
    writer,
    ParameterId.ORIGINAL_DESTINATION_CONNECTION_ID,
    parameters.originalDestinationConnectionId,
  );
  for (const name of INTEGER_NAMES) {
    const value = parameters[name];
    if (value !== undefined) writeInteger(writer, name, value);
  }
  writeBytes(writer, ParameterId.SOURCE_CONNECTION_ID, parameters.sourceConnectionId);
  writeBytes(writer, ParameterId.RETRY_SOURCE_CONNECTION_ID, parameters.retrySourceConnectionId);
  writeBytes(writer, ParameterId.INCARNATION, parameters.incarnation);
  writer.varint(ParameterId.VERSIONS);
  writer.varint(parameters.versions.length * 4);
  for (const version of parameters.versions) writer.u32(version);
  if (greaseId !== undefined) {
    assert(greaseId % 31 === 27, 'a reserved parameter id is 31 * n + 27');
    writer.varint(greaseId);
    writer.varint(0);
  }
  return writer.bytes.slice(0, writer.offset);
}

/** Throws TransportError TRANSPORT_PARAMETER_ERROR, and nothing else. The result holds no view of `bytes` [TPM-1]. */
export function decodeTransportParameters(bytes: Uint8Array): TransportParameters {
  const parameters: DecodedSoFar = { ...DEFAULT_TRANSPORT_PARAMETERS, versions: [] };
  const seen = new Set<number>();
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const { id, value } = readParameter(reader);
    // Also of unknown ones: nobody may mean two things at once [TPM-2].
    if (seen.has(id)) throw invalid(`parameter 0x${id.toString(16)} sent twice`);
    seen.add(id);
    decodeValue(parameters, id, value);
  }
  const { sourceConnectionId } = parameters;
  if (sourceConnectionId === undefined) throw invalid('source_connection_id missing');
  return { ...parameters, sourceConnectionId };
}

/** What depends on the side that sent them [TPM-5] [TPM-6]. Throws TransportError TRANSPORT_PARAMETER_ERROR. */
export function checkTransportParameters(parameters: TransportParameters, sender: 'client' | 'server'): void {
  const { originalDestinationConnectionId, retrySourceConnectionId, incarnation } = parameters;
  if (sender === 'client') {
    if (originalDestinationConnectionId ?? retrySourceConnectionId ?? incarnation) {
      throw invalid("a parameter of the server's from a client");
    }
    return;
  }
  if (originalDestinationConnectionId === undefined)
    throw invalid('original_destination_connection_id missing');
  if (incarnation === undefined) throw invalid('incarnation missing');
  const { initialMaxData, initialMaxStreamData, initialMaxStreams } = DEFAULT_TRANSPORT_PARAMETERS;
  if (
    parameters.initialMaxData < initialMaxData ||
    parameters.initialMaxStreamData < initialMaxStreamData ||
    parameters.initialMaxStreams < initialMaxStreams
  ) {
    throw invalid('limits below those of a first flight');
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type DecodedSoFar = Mutable<Omit<TransportParameters, 'sourceConnectionId'>> & {
  sourceConnectionId?: Uint8Array;
};

/** [TPM-1] A parameter that is cut short is an error of the parameters, not of the frame that carried them. */
function readParameter(reader: ByteReader): { readonly id: number; readonly value: ByteReader } {
  try {
    const id = reader.varint();
    return { id, value: new ByteReader(reader.view(reader.varint())) };
  } catch (error) {
    if (error instanceof TransportError) throw invalid(error.message);
    throw error;
  }
}

function decodeValue(parameters: DecodedSoFar, id: number, value: ByteReader): void {
  const name = INTEGER_NAME_BY_ID.get(id);
  if (name !== undefined) {
    parameters[name] = decodeInteger(name, value);
    return;
  }
  switch (id) {
    case ParameterId.ORIGINAL_DESTINATION_CONNECTION_ID:
      parameters.originalDestinationConnectionId = decodeConnectionId(value);
      break;
    case ParameterId.SOURCE_CONNECTION_ID:
      parameters.sourceConnectionId = decodeConnectionId(value);
      break;
    case ParameterId.RETRY_SOURCE_CONNECTION_ID:
      parameters.retrySourceConnectionId = decodeConnectionId(value);
      break;
    case ParameterId.INCARNATION:
      if (value.remaining !== INCARNATION_BYTES) throw invalid('incarnation not of 8 bytes');
      parameters.incarnation = copyOf(value);
      break;
    case ParameterId.VERSIONS:
      parameters.versions = decodeVersions(value);
      break;
    default:
    // Unknown: somebody else's, or sent only to see that it is ignored [TPM-4].
  }
}

function decodeInteger(name: IntegerName, value: ByteReader): number {
  const { min, max } = INTEGERS[name];
  let result: number;
  try {
    result = value.varint();
  } catch (error) {
    if (error instanceof TransportError) throw invalid(`${name}: ${error.message}`);
    throw error;
  }
  if (value.remaining !== 0) throw invalid(`${name}: length does not match`);
  if (result < min || result > max) throw invalid(`${name} out of range`);
  return result;
}

function decodeConnectionId(value: ByteReader): Uint8Array {
  if (value.remaining > MAX_CONNECTION_ID_BYTES) throw invalid('connection ID above 20 bytes');
  return copyOf(value);
}

function decodeVersions(value: ByteReader): number[] {
  if (value.remaining % 4 !== 0) throw invalid('versions not of 4 bytes each');
  const versions: number[] = [];
  while (value.remaining > 0) versions.push(value.u32());
  return versions;
}

function copyOf(value: ByteReader): Uint8Array {
  return new Uint8Array(value.view(value.remaining));
}

function writeInteger(writer: ByteWriter, name: IntegerName, value: number): void {
  const { id, min, max } = INTEGERS[name];
  assert(value >= min && value <= max, `transport parameter ${name} within its range`);
  writer.varint(id);
  writer.varint(varintLength(value));
  writer.varint(value);
}

function writeBytes(writer: ByteWriter, id: number, value: Uint8Array | undefined): void {
  if (value === undefined) return;
  writer.varint(id);
  writer.varint(value.length);
  writer.write(value);
}

/** Enough for all of them: ids and lengths below 64, three connection IDs, the incarnation, a reserved one. */
function encodedBound(parameters: TransportParameters): number {
  const integers = INTEGER_NAMES.length * (2 + 8);
  const byteStrings = 3 * (2 + MAX_CONNECTION_ID_BYTES) + 2 + INCARNATION_BYTES;
  return integers + byteStrings + 1 + 8 + 4 * parameters.versions.length + 8 + 1;
}

function invalid(message: string): TransportError {
  return new TransportError(TransportErrorCode.TRANSPORT_PARAMETER_ERROR, message);
}
