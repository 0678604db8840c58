/**
 * What a server says before its first message: metadata and nothing else so far. A header that would say nothing is
 * left out by ours, unless the handler sends it, and may be sent by others.
 */
import { type Metadata } from 'nice-grpc-common';
import { FieldReader } from './field-reader.js';
import { METADATA_TAG, MetadataReader, writeMetadata } from './metadata-codec.js';
import { type MetadataLimit } from './metadata-limit.js';
import { UnitType } from './unit.js';
import { type UnitWriter } from './unit-writer.js';

/** Appends a HEADER unit. Throws FramingError for metadata over `limit`. */
export function writeResponseHeader(writer: UnitWriter, metadata: Metadata, limit: MetadataLimit): void {
  writer.beginUnit(UnitType.HEADER);
  writeMetadata(writer, metadata, METADATA_NAME, limit);
  writer.endUnit();
}

/** Undefined when it carries none. Throws FramingError, for metadata over `limit` too. */
export function decodeResponseHeader(body: Uint8Array, limit: MetadataLimit): Metadata | undefined {
  const fields = new FieldReader(body);
  let metadata: MetadataReader | undefined;
  while (fields.nextField()) {
    if (fields.tag === METADATA_TAG)
      (metadata ??= new MetadataReader(METADATA_NAME, limit)).readEntry(fields);
    else fields.skipUnknown();
  }
  return metadata?.end();
}

const METADATA_NAME = 'header metadata';
