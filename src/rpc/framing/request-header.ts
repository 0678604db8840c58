/**
 * What a client says before its first message: which method, how much time is left, the request ID (per call, the same
 * for all its attempts), which attempt this is, and metadata. Pure: bytes to values and back.
 */
import { type Metadata } from 'nice-grpc-common';
import { FieldReader } from './field-reader.js';
import { malformed } from './framing-error.js';
import { checkMetadata, METADATA_TAG, MetadataReader, writeMetadata } from './metadata-codec.js';
import { type MetadataLimit } from './metadata-limit.js';
import { TextMemory } from './text-memory.js';
import { UnitType } from './unit.js';
import { type UnitWriter, varintLength } from './unit-writer.js';

export interface RequestHeader {
  /** `image.v1.ImageService/GetChunk`, without a leading slash. */
  readonly path: string;
  /** The time that was left when the header was written; undefined: as long as the server allows. */
  readonly timeoutMs: number | undefined;
  /** 16 random bytes, new for each client. Decoded: a view of what was received. */
  readonly clientInstance: Uint8Array;
  readonly sequence: number;
  /** 1 for the first. */
  readonly attempt: number;
  /** Time since the first attempt began; 0 for the first. */
  readonly ageMs: number;
  /** The client's definition declares the method idempotent; only said by attempts after the first [RPC-17]. */
  readonly isDeclaredIdempotent: boolean;
  readonly metadata: Metadata | undefined;
}

export const CLIENT_INSTANCE_BYTES = 16;

/** Before anything is done for a call that cannot be sent. Throws FramingError. */
export function checkRequestMetadata(metadata: Metadata, limit: MetadataLimit): void {
  checkMetadata(metadata, METADATA_NAME, limit);
}

/** Appends a HEADER unit. Throws FramingError for metadata over `limit`. */
export function writeRequestHeader(writer: UnitWriter, header: RequestHeader, limit: MetadataLimit): void {
  writer.beginUnit(UnitType.HEADER);
  writer.textField(RequestHeaderTag.PATH, header.path);
  if (header.timeoutMs !== undefined)
    writer.varintField(RequestHeaderTag.TIMEOUT, Math.ceil(header.timeoutMs));
  writer.u8(RequestHeaderTag.REQUEST_ID);
  writer.u8(CLIENT_INSTANCE_BYTES + varintLength(header.sequence));
  writer.write(header.clientInstance);
  writer.varint(header.sequence);
  if (header.attempt > 1) {
    writer.varintField(RequestHeaderTag.ATTEMPT, header.attempt);
    writer.varintField(RequestHeaderTag.AGE, Math.floor(header.ageMs));
    if (header.isDeclaredIdempotent) writer.bytesField(RequestHeaderTag.IDEMPOTENT, NO_BYTES);
  }
  if (header.metadata !== undefined) writeMetadata(writer, header.metadata, METADATA_NAME, limit);
  writer.endUnit();
}

/** Throws FramingError, for metadata over `limit` too. */
export function decodeRequestHeader(body: Uint8Array, limit: MetadataLimit): RequestHeader {
  const fields = new FieldReader(body);
  let path: string | undefined;
  let timeoutMs: number | undefined;
  let clientInstance: Uint8Array | undefined;
  let sequence = 0;
  let attempt = 1;
  let ageMs = 0;
  let isDeclaredIdempotent = false;
  let metadata: MetadataReader | undefined;
  while (fields.nextField()) {
    switch (fields.tag) {
      case RequestHeaderTag.PATH:
        path = fields.valueTextFrom(paths);
        break;
      case RequestHeaderTag.TIMEOUT:
        timeoutMs = fields.valueVarint();
        break;
      case RequestHeaderTag.REQUEST_ID:
        clientInstance = fields.bytes(CLIENT_INSTANCE_BYTES);
        sequence = fields.valueVarint();
        break;
      case RequestHeaderTag.ATTEMPT:
        attempt = fields.valueVarint();
        break;
      case RequestHeaderTag.AGE:
        ageMs = fields.valueVarint();
        break;
      case RequestHeaderTag.IDEMPOTENT:
        isDeclaredIdempotent = true;
        break;
      case METADATA_TAG:
        (metadata ??= new MetadataReader(METADATA_NAME, limit)).readEntry(fields);
        break;
      default:
        fields.skipUnknown();
    }
  }
  // [RPC-4]
  if (path === undefined) throw malformed('a request header has no method path');
  if (clientInstance === undefined) throw malformed('a request header has no request ID');
  if (attempt < 1) throw malformed('attempts are counted from 1');
  return {
    path,
    timeoutMs,
    clientInstance,
    sequence,
    attempt,
    ageMs,
    isDeclaredIdempotent,
    metadata: metadata?.end(),
  };
}

const paths = new TextMemory();

const METADATA_NAME = 'request metadata';

export const RequestHeaderTag = {
  PATH: 0x01,
  TIMEOUT: 0x02,
  REQUEST_ID: 0x03,
  ATTEMPT: 0x04,
  AGE: 0x05,
  IDEMPOTENT: 0x06,
} as const;

const NO_BYTES = new Uint8Array(0);
