/**
 * How a call ended, as the server says it: status, details for a person, whether the handler certainly never started,
 * and metadata, among them the status details [RPC-16]. A trailer without fields is OK, and costs no decoding.
 */
import { type Metadata, Status } from 'nice-grpc-common';
import { FieldReader } from './field-reader.js';
import { METADATA_TAG, MetadataReader, writeMetadata } from './metadata-codec.js';
import { type MetadataLimit } from './metadata-limit.js';
import { MAX_DETAILS_BYTES, UnitType } from './unit.js';
import { type UnitWriter } from './unit-writer.js';

export interface Trailer {
  readonly code: Status;
  readonly details: string;
  /** The handler certainly never started: even a call that must not run twice may be sent again. */
  readonly notStarted: boolean;
  readonly metadata: Metadata | undefined;
  /** The server wants further calls on another connection [RPC-12]; this one stays for those that it has. */
  readonly reconnect?: boolean;
  /** How long to wait before another attempt, ms; Infinity: there is to be none. Absent: as the client likes. [RPC-14] */
  readonly retryAfterMs?: number;
}

/** OK and nothing else. */
export const OK_TRAILER: Trailer = { code: Status.OK, details: '', notStarted: false, metadata: undefined };

/** Appends a TRAILER unit. `details` is cut at MAX_DETAILS_BYTES. Throws FramingError for metadata over `limit`. */
export function writeTrailer(writer: UnitWriter, trailer: Trailer, limit: MetadataLimit): void {
  writer.beginUnit(UnitType.TRAILER);
  if (trailer.code !== Status.OK) writer.varintField(TrailerTag.STATUS, trailer.code);
  if (trailer.details !== '') writer.textField(TrailerTag.DETAILS, shorten(trailer.details));
  if (trailer.notStarted) writer.bytesField(TrailerTag.NOT_STARTED, NO_BYTES);
  if (trailer.reconnect === true) writer.bytesField(TrailerTag.RECONNECT, NO_BYTES);
  if (trailer.retryAfterMs !== undefined) writeRetryAfter(writer, trailer.retryAfterMs);
  if (trailer.metadata !== undefined)
    writeMetadata(writer, trailer.metadata, METADATA_NAME, limit, TrailerTag.STATUS_DETAILS);
  writer.endUnit();
}

/** Throws FramingError, for metadata over `limit` too. */
export function decodeTrailer(body: Uint8Array, limit: MetadataLimit): Trailer {
  if (body.length === 0) return OK_TRAILER;
  const fields = new FieldReader(body);
  let code: Status = Status.OK;
  let details = '';
  let notStarted = false;
  let reconnect = false;
  let retryAfterMs: number | undefined;
  let doNotRetry = false;
  let metadata: MetadataReader | undefined;
  while (fields.nextField()) {
    switch (fields.tag) {
      case TrailerTag.STATUS:
        // As gRPC does: a code of a later version is an error of a kind we do not know.
        code = STATUSES[fields.valueVarint()] ?? Status.UNKNOWN;
        break;
      case TrailerTag.DETAILS:
        details = fields.valueText();
        break;
      case TrailerTag.NOT_STARTED:
        notStarted = true;
        break;
      case TrailerTag.RECONNECT:
        reconnect = true;
        break;
      case TrailerTag.STATUS_DETAILS:
        (metadata ??= new MetadataReader(METADATA_NAME, limit)).readStatusDetails(fields);
        break;
      case TrailerTag.RETRY_AFTER:
        retryAfterMs = fields.valueVarint();
        break;
      case TrailerTag.DO_NOT_RETRY:
        doNotRetry = true;
        break;
      case METADATA_TAG:
        (metadata ??= new MetadataReader(METADATA_NAME, limit)).readEntry(fields);
        break;
      default:
        fields.skipUnknown();
    }
  }
  if (doNotRetry) retryAfterMs = Infinity;
  const trailer = { code, details, notStarted, metadata: metadata?.end() };
  return {
    ...trailer,
    ...(reconnect ? { reconnect } : undefined),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
  };
}

function writeRetryAfter(writer: UnitWriter, retryAfterMs: number): void {
  if (retryAfterMs === Infinity) writer.bytesField(TrailerTag.DO_NOT_RETRY, NO_BYTES);
  else writer.varintField(TrailerTag.RETRY_AFTER, Math.ceil(Math.max(0, retryAfterMs)));
}

/** Whole characters up to the limit: a trailer must always fit, whatever a handler put into its error. */
function shorten(details: string): string {
  if (details.length * MAX_UTF8_BYTES <= MAX_DETAILS_BYTES) return details;
  const room = new Uint8Array(MAX_DETAILS_BYTES);
  const { read } = encoder.encodeInto(details, room);
  return read === details.length ? details : details.slice(0, read);
}

/** By code: they are numbered from 0 without a gap. */
const STATUSES = Object.values(Status).filter((value) => typeof value === 'number');

export const TrailerTag = {
  STATUS: 0x01,
  DETAILS: 0x02,
  NOT_STARTED: 0x03,
  RECONNECT: 0x04,
  STATUS_DETAILS: 0x05,
  RETRY_AFTER: 0x06,
  DO_NOT_RETRY: 0x07,
} as const;

const METADATA_NAME = 'trailer metadata';

/** The most that one UTF-16 unit takes in UTF-8. */
const MAX_UTF8_BYTES = 3;

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);
