/** Metadata as `Headers`, which Connect has for it: filled in place, as who holds them may have them before they come. */
import { encodeBinaryHeader } from '@connectrpc/connect';
import { type Metadata } from '../index.js';

/** In the place of what an attempt before has brought. Bytes are as `decodeBinaryHeader` takes them. */
export function fillHeaders(headers: Headers, metadata: Metadata): void {
  for (const key of [...headers.keys()]) headers.delete(key);
  for (const [key, values] of metadata) {
    for (const value of values)
      headers.append(key, typeof value === 'string' ? value : encodeBinaryHeader(value));
  }
}
