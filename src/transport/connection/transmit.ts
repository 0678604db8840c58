/**
 * Datagrams on their way out. A Transmit belongs to the driver from `pollTransmit` until it gives it back with
 * `release`; then its memory is used again, so that sending allocates nothing.
 */
import { ETHERNET_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { type Address } from '../path/path.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { type Connection } from './connection.js';

export interface Transmit {
  /** Datagrams stand in `bytes[0, length)`, each of `segmentSize` bytes but the last, which may be shorter. */
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly segmentSize: number;
  readonly remote: Address;
  /** Which of the endpoint's sockets it leaves from. */
  readonly local: number;
  /** Whose it is; undefined: an answer to somebody who has no connection. */
  readonly sender?: Connection | undefined;
}

/** A Transmit while it is being filled. */
export interface TransmitDraft {
  bytes: Uint8Array;
  length: number;
  segmentSize: number;
  remote: Address;
  local: number;
  sender: Connection | undefined;
  readonly writer: ByteWriter;
}

/** Two sizes: what Ethernet carries, of which there are many, and the few large ones of paths that carry more. */
export class TransmitPool {
  readonly #free: TransmitDraft[] = [];
  readonly #freeLarge: TransmitDraft[] = [];

  /** `bytes`: the room that is needed. */
  acquire(remote: Address, local: number, bytes: number): TransmitDraft {
    const isLarge = bytes > ETHERNET_DATAGRAM_BYTES;
    let draft = (isLarge ? this.#freeLarge : this.#free).pop();
    // Where a path was found to carry more than before the smaller buffers are given up one by one.
    if (draft === undefined || draft.bytes.length < bytes) {
      draft = create(remote, local, isLarge ? bytes : ETHERNET_DATAGRAM_BYTES);
    }
    draft.remote = remote;
    draft.local = local;
    draft.length = 0;
    draft.segmentSize = 0;
    draft.writer.offset = 0;
    draft.writer.end = draft.bytes.length;
    return draft;
  }

  release(transmit: Transmit): void {
    const draft = transmit as TransmitDraft;
    // A pool must not keep alive a connection that has ended.
    draft.sender = undefined;
    const isLarge = draft.bytes.length > ETHERNET_DATAGRAM_BYTES;
    const free = isLarge ? this.#freeLarge : this.#free;
    if (free.length < (isLarge ? MAX_FREE_LARGE : MAX_FREE)) free.push(draft);
  }
}

function create(remote: Address, local: number, bufferBytes: number): TransmitDraft {
  const bytes = new Uint8Array(bufferBytes);
  return {
    bytes,
    length: 0,
    segmentSize: 0,
    remote,
    local,
    sender: undefined,
    writer: new ByteWriter(bytes),
  };
}

/** What a few turns of the loop send; more is left to the garbage collector. */
const MAX_FREE = 512;
const MAX_FREE_LARGE = 32;
