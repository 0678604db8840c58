/**
 * What a server says before its first message: metadata and nothing else so far. A header that would say nothing is
 * left out by ours, and may be sent by others.
 */
import { type Metadata } from 'nice-grpc-common';
import { FieldReader } from './field-reader.js';
import { METADATA_TAG, MetadataReader, writeMetadata } from './metadata-codec.js';
import { UnitType } from './unit.js';
import { type UnitWriter } from './unit-writer.js';

/** Appends a HEADER unit. Throws FramingError for metadata over its limits. */
export function writeResponseHeader(writer: UnitWriter, metadata: Metadata): void {
  writer.beginUnit(UnitType.HEADER);
  writeMetadata(writer, metadata);
  writer.endUnit();
}

/** Undefined when it carries none. Throws FramingError. */
export function decodeResponseHeader(body: Uint8Array): Metadata | undefined {
  const fields = new FieldReader(body);
  let metadata: MetadataReader | undefined;
  while (fields.nextField()) {
    if (fields.tag === METADATA_TAG) (metadata ??= new MetadataReader()).readEntry(fields);
    else fields.skipUnknown();
  }
  return metadata?.metadata;
}
