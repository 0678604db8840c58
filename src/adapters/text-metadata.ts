/**
 * Metadata out of libraries that have it as text only: there the values of keys that end in `-bin` are base64, as in gRPC
 * over HTTP, and here they are bytes.
 */
import { Metadata, RpcError, Status } from '../index.js';

/** `path` is that of the call, for the RpcError INVALID_ARGUMENT that it throws: a key or a value that metadata cannot have. */
export function metadataFrom(path: string, entries: Iterable<readonly [string, string]>): Metadata {
  const metadata = Metadata();
  try {
    for (const [key, text] of entries) appendText(metadata, key, text);
  } catch (error) {
    const details = error instanceof Error ? error.message : String(error);
    const code = Status.INVALID_ARGUMENT;
    throw new RpcError({ path, code, details, maybeExecuted: false, attempts: 0, cause: error });
  }
  return metadata;
}

/**
 * Throws an Error for what metadata cannot have. Base64 may be without its padding, and several values of a
 * key be in one, separated by commas.
 */
export function appendText(metadata: Metadata, key: string, text: string): void {
  if (!isBinary(key)) metadata.append(key, text);
  else for (const part of text.split(',')) metadata.append(key, bytesOf(part.trim(), key));
}

function bytesOf(text: string, key: string): Uint8Array {
  // Buffer takes anything for base64, and would send something else than was meant.
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) {
    throw new RangeError(`metadata '${key}' takes bytes in base64, and its value is not that`);
  }
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function isBinary(key: string): boolean {
  return key.toLowerCase().endsWith('-bin');
}
