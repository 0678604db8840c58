/**
 * Metadata as fields of a header or trailer [RPC-7]: one entry per value, key length, key, value; keys that end in
 * `-bin` carry bytes, the others text. Both directions hold limits and the reserved names: what is sent with the default
 * limit is never refused by it. What is received is a `Metadata` of nice-grpc, a Map inside: no key reaches a prototype.
 * Of the reserved keys a trailer has one, for google.rpc's details [RPC-16]: it travels as a field of its own.
 */
import { Metadata, Status } from 'nice-grpc-common';
import { type FieldReader } from './field-reader.js';
import { FramingError, malformed, tooLarge } from './framing-error.js';
import { MAX_METADATA_ENTRIES, type MetadataLimit } from './metadata-limit.js';
import { ResetCode } from './reset-code.js';
import { type UnitWriter, varintLength } from './unit-writer.js';

export const METADATA_TAG = 0x10;

/** Under this key a handler sets, and a caller finds, the bytes of a `google.rpc.Status` among a trailer's metadata. */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

/**
 * Throws FramingError: over a limit, or a reserved key. `what` is what errors call the metadata. `hasStatusDetails`: the
 * key of status details is none of the reserved.
 */
export function checkMetadata(
  metadata: Metadata,
  what: string,
  limit: MetadataLimit,
  hasStatusDetails = false,
): void {
  let entries = 0;
  let size = 0;
  for (const [key, values] of metadata) {
    if (key === STATUS_DETAILS_KEY && hasStatusDetails) {
      const bytes = values.at(-1);
      if (!(bytes instanceof Uint8Array)) continue;
      checkEntries((entries += 1), what);
      size += key.length + bytes.length;
      continue;
    }
    if (isReserved(key)) {
      throw new FramingError(
        Status.INVALID_ARGUMENT,
        ResetCode.MALFORMED,
        `metadata key '${key}' is reserved: keys must not begin with 'grpc-'`,
      );
    }
    for (const value of values) {
      checkEntries((entries += 1), what);
      // Keys are ASCII, and so are the values of those that are not '-bin': Metadata accepts nothing else.
      size += key.length + value.length;
    }
  }
  checkSize(size, what, limit);
}

/** Throws as `checkMetadata`. With `statusDetailsTag` the last value of status details becomes that field. */
export function writeMetadata(
  writer: UnitWriter,
  metadata: Metadata,
  what: string,
  limit: MetadataLimit,
  statusDetailsTag?: number,
): void {
  checkMetadata(metadata, what, limit, statusDetailsTag !== undefined);
  for (const [key, values] of metadata) {
    if (key === STATUS_DETAILS_KEY && statusDetailsTag !== undefined) {
      const bytes = values.at(-1);
      if (bytes instanceof Uint8Array) writer.bytesField(statusDetailsTag, bytes);
      continue;
    }
    for (const value of values) {
      writer.u8(METADATA_TAG);
      writer.varint(varintLength(key.length) + key.length + value.length);
      writer.text(key);
      if (typeof value === 'string') writer.ascii(value);
      else writer.write(value);
    }
  }
}

/** Collects the metadata fields of one header or trailer; costs nothing when there are none. */
export class MetadataReader {
  readonly #what: string;
  readonly #limit: MetadataLimit;
  #metadata: Metadata | undefined;
  #entries = 0;
  #size = 0;

  /** `what` is what errors call the metadata. */
  constructor(what: string, limit: MetadataLimit) {
    this.#what = what;
    this.#limit = limit;
  }

  /** The reader stands in a field with METADATA_TAG. */
  readEntry(fields: FieldReader): void {
    const key = fields.text();
    const value = key.endsWith('-bin') ? fields.valueBytes().slice() : fields.valueText();
    this.#count(key, value);
    if (isReserved(key)) throw malformed(`metadata key '${key}' is reserved`);
    if (key !== key.toLowerCase()) throw malformed(`metadata key '${key}' is not in lower case`);
    this.#metadata ??= Metadata();
    try {
      this.#metadata.append(key, value);
    } catch (error) {
      throw malformed(error instanceof Error ? error.message : 'metadata is malformed');
    }
  }

  /** The reader stands in a trailer's field of status details; of several the last one counts. */
  readStatusDetails(fields: FieldReader): void {
    const bytes = fields.valueBytes().slice();
    this.#count(STATUS_DETAILS_KEY, bytes);
    (this.#metadata ??= Metadata()).set(STATUS_DETAILS_KEY, bytes);
  }

  /** All of it was read, of which there is no more than the unit has. Throws FramingError over the limit. */
  end(): Metadata | undefined {
    checkSize(this.#size, this.#what, this.#limit);
    return this.#metadata;
  }

  #count(key: string, value: string | Uint8Array): void {
    checkEntries((this.#entries += 1), this.#what);
    this.#size += key.length + value.length;
  }
}

function checkEntries(entries: number, what: string): void {
  if (entries > MAX_METADATA_ENTRIES) throw tooLarge(`${what} has more than ${MAX_METADATA_ENTRIES} entries`);
}

function checkSize(size: number, what: string, { maxBytes, name }: MetadataLimit): void {
  if (size > maxBytes) throw tooLarge(`${what} of ${size} bytes is above ${name} of ${maxBytes} bytes`);
}

function isReserved(key: string): boolean {
  return key.startsWith('grpc-');
}
