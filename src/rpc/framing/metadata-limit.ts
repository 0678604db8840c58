/**
 * How large the metadata of one header or trailer may be, for one side and one direction [RPC-7]: made once for a channel
 * or a server, and handed to whatever reads or writes. Fixed is how many entries there may be. The largest limit that may
 * be asked for follows from the units that carry metadata: what keeps to it always fits.
 */
import { type NumberRule } from '../../base/number-options.js';
import { MAX_DETAILS_BYTES, MAX_FIELDS_BYTES } from './unit.js';

export interface MetadataLimit {
  /** Keys and values together. */
  readonly maxBytes: number;
  /** What errors call it, so that whoever meets one knows what to change. */
  readonly name: string;
}

export const MAX_METADATA_ENTRIES = 64;

export const DEFAULT_MAX_METADATA_BYTES = 8_192;

/** Tag, length of the field, length of the key; the lengths as varints, which take two bytes for all that fits in a unit. */
const MAX_ENTRY_OVERHEAD_BYTES = 1 + 2 + 2;

/**
 * What else stands in the fullest unit, a trailer: its details, and at most 20 bytes of other fields. A request header
 * has the same room for its path, and at most 59 bytes of other fields.
 */
const OTHER_FIELDS_BYTES = MAX_DETAILS_BYTES + 64;

/** What `maxSendMetadataBytes` and `maxReceiveMetadataBytes` take, of both sides. */
export const METADATA_BYTES_RULE: NumberRule = {
  min: 0,
  max: MAX_FIELDS_BYTES - OTHER_FIELDS_BYTES - MAX_METADATA_ENTRIES * MAX_ENTRY_OVERHEAD_BYTES,
  unit: 'bytes',
};
