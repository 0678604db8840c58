/**
 * Datagrams on their way out. A Transmit belongs to the driver from `pollTransmit` until it gives it back with
 * `release`; then its memory is used again, so that sending allocates nothing.
 */
import { type Address } from '../path/path.js';
import { ByteWriter } from '../wire/byte-writer.js';

export interface Transmit {
  /** Datagrams stand in `bytes[0, length)`, each of `segmentSize` bytes but the last, which may be shorter. */
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly segmentSize: number;
  readonly remote: Address;
  /** Which of the endpoint's sockets it leaves from. */
  readonly local: number;
}

/** A Transmit while it is being filled. */
export interface TransmitDraft {
  bytes: Uint8Array;
  length: number;
  segmentSize: number;
  remote: Address;
  local: number;
  readonly writer: ByteWriter;
}

export class TransmitPool {
  readonly #free: TransmitDraft[] = [];
  readonly #bufferBytes: number;

  /** Holds buffers of `bufferBytes`, the largest datagram that is sent. */
  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes;
  }

  acquire(remote: Address, local: number): TransmitDraft {
    const draft = this.#free.pop() ?? this.#create(remote, local);
    draft.remote = remote;
    draft.local = local;
    draft.length = 0;
    draft.segmentSize = 0;
    draft.writer.offset = 0;
    draft.writer.end = draft.bytes.length;
    return draft;
  }

  release(transmit: Transmit): void {
    if (this.#free.length < MAX_FREE) this.#free.push(transmit as TransmitDraft);
  }

  #create(remote: Address, local: number): TransmitDraft {
    const bytes = new Uint8Array(this.#bufferBytes);
    return { bytes, length: 0, segmentSize: 0, remote, local, writer: new ByteWriter(bytes) };
  }
}

/** What a few turns of the loop send; more is left to the garbage collector. */
const MAX_FREE = 512;
