/**
 * Metadata as protobuf-ts has it: text by key, or several texts; base64 under keys that end in `-bin`. No key that a peer
 * chooses reaches a prototype.
 */
import { type RpcMetadata } from '@protobuf-ts/runtime-rpc';
import { type Metadata } from '../index.js';

export function emptyMeta(): RpcMetadata {
  return Object.create(null) as RpcMetadata;
}

export function metaOf(metadata: Metadata): RpcMetadata {
  const meta = emptyMeta();
  for (const [key, values] of metadata) {
    const texts = values.map((value) => (typeof value === 'string' ? value : base64Of(value)));
    const [only] = texts;
    meta[key] = only !== undefined && texts.length === 1 ? only : texts;
  }
  return meta;
}

export function* entriesOf(meta: RpcMetadata): Generator<readonly [string, string], void, undefined> {
  for (const [key, values] of Object.entries(meta)) {
    for (const value of [values].flat()) yield [key, value];
  }
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
