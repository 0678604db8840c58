/**
 * Metadata as HTTP/2 header fields, and back: keys that end in `-bin` carry bytes in base64, the others printable ASCII. What
 * HTTP/2 and gRPC say of the connection, the message or the call itself is no metadata, in either direction; all else goes
 * through, and what cannot is refused and not left out. Fields are read raw, as Node's objects drop what comes twice.
 */
import { type OutgoingHttpHeaders } from 'node:http2';
import { Metadata, type Status } from 'nice-grpc-common';
import { appendText } from '../adapters/text-metadata.js';
import { STATUS_DETAILS_KEY } from '../rpc/framing/metadata-codec.js';
import { GatewayError } from './grpc-status.js';

/**
 * `fields`: names and values in turn. Throws GatewayError with `code` for what metadata cannot be. `hasStatusDetails`: of a
 * trailer, whose `grpc-status-details-bin` counts as metadata.
 */
export function metadataOfFields(
  fields: readonly string[],
  code: Status,
  hasStatusDetails = false,
): Metadata {
  const metadata = Metadata();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index]?.toLowerCase() ?? '';
    const value = fields[index + 1] ?? '';
    if (isOfCall(name) && !(hasStatusDetails && name === STATUS_DETAILS_KEY)) continue;
    try {
      appendText(metadata, name, value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // It may repeat a value, which may be as long as all fields.
      throw new GatewayError(code, `metadata cannot be passed on: ${why.slice(0, MAX_REASON_LENGTH)}`);
    }
  }
  return metadata;
}

/** To be sent; `grpc-status-details-bin` is among them where the metadata have it. */
export function fieldsOfMetadata(metadata: Metadata | undefined): OutgoingHttpHeaders {
  // No prototype: `__proto__` is a key like any other.
  const fields = Object.create(null) as OutgoingHttpHeaders;
  for (const [key, values] of metadata ?? []) {
    if (isOfCall(key) && key !== STATUS_DETAILS_KEY) continue;
    // Space at the ends is none of the value, says HTTP, and peers refuse it.
    fields[key] = values.map((value) => (typeof value === 'string' ? value.trim() : encodeBytes(value)));
  }
  return fields;
}

/** The value of the field of this name that comes first. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index] === name) return fields[index + 1];
  }
  return undefined;
}

function isOfCall(name: string): boolean {
  return name.startsWith(':') || name.startsWith('grpc-') || NOT_METADATA.has(name);
}

function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64').replace(/=+$/, '');
}

const MAX_REASON_LENGTH = 300;

/** Of one connection or of HTTP itself (RFC 9113 §8.2.2). */
const NOT_METADATA: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
