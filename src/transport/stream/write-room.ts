/**
 * Who may write how much. Each stream has its own send buffer, all together have another, and what the second cannot
 * take is shared out by turns: writers that were cut short by others are called in the order in which they last got
 * something. All are called for whom there is room, not only as many as it can serve: one that is called need not
 * write, and nobody would call the next. Who finds the room taken keeps its turn.
 * A quarter is kept for streams that hold little, so that a small call finds room while bulk fills the rest.
 */
import { type Stream } from './stream.js';
import { type StreamLimits } from './stream-limits.js';

/** The part of the buffer of all streams that bulk leaves to others. */
const RESERVED = 1 / 4;

/** A stream that holds no more is no bulk: some small calls, or the head of a large one. */
const SMALL_BYTES = 16_384;

/** A writer is called for these parts of its own buffer and of that of all: not for each acknowledged datagram. */
const OWN_ROOM_TO_CALL = 1 / 4;
const SHARED_ROOM_TO_CALL = 1 / 8;

/** So much of the buffer of all must have become free before everybody who waits is looked at again. */
const SHARED_ROOM_TO_LOOK = 1 / 64;

export class WriteRoom {
  private readonly perStream: number;
  private readonly perConnection: number;
  private readonly onWritable: (stream: Stream) => void;
  private heldValue = 0;
  /** In turn; among them those that were called and have not written since. */
  private readonly waiting = new Set<Stream>();
  private releasedSinceLook = 0;

  constructor(
    { sendBufferPerStream, sendBufferPerConnection }: StreamLimits,
    onWritable: (stream: Stream) => void,
  ) {
    this.perStream = sendBufferPerStream;
    this.perConnection = sendBufferPerConnection;
    this.onWritable = onWritable;
  }

  /** Bytes that all streams hold together. */
  get heldBytes(): number {
    return this.heldValue;
  }

  /** How many bytes the stream may take now. */
  roomOf({ send }: Stream): number {
    return Math.min(this.perStream - send.heldBytes, this.sharedRoom(send.heldBytes));
  }

  /** The stream has taken `count` bytes; `isAll`: all that its writer gave. */
  onTaken(stream: Stream, count: number, isAll: boolean): void {
    this.heldValue += count;
    stream.send.isWriterWaiting = !isAll;
    if (this.waiting.size > 0 && (isAll || count > 0)) this.waiting.delete(stream);
    // A stream whose own buffer is full waits for itself, one with room there waits for others.
    if (!isAll && stream.send.heldBytes < this.perStream) this.waiting.add(stream);
  }

  /** The stream has let go of `count` bytes. */
  onReleased(stream: Stream, count: number): void {
    if (count === 0) return;
    this.heldValue -= count;
    if (stream.send.isWriterWaiting && this.hasOwnRoom(stream)) {
      this.waiting.add(stream);
      this.callIfWorthwhile(stream);
    }
    if (this.waiting.size === 0) return;
    this.releasedSinceLook += count;
    // Who waits holds something or found the buffer full: so much is still to be let go of.
    if (this.releasedSinceLook >= this.perConnection * SHARED_ROOM_TO_LOOK) this.lookAtWaiting();
  }

  /** Nobody is called any more. */
  clear(): void {
    this.waiting.clear();
  }

  private lookAtWaiting(): void {
    this.releasedSinceLook = 0;
    for (const stream of this.waiting) {
      if (!stream.send.takesBytes) this.waiting.delete(stream);
      else if (stream.send.isWriterWaiting && this.hasOwnRoom(stream)) this.callIfWorthwhile(stream);
    }
  }

  private callIfWorthwhile(stream: Stream): void {
    const { send } = stream;
    const held = send.heldBytes;
    const wanted = Math.min(this.perStream * OWN_ROOM_TO_CALL, this.perConnection * SHARED_ROOM_TO_CALL);
    // Who holds nothing has no bytes under way whose delivery could call it later.
    if (this.sharedRoom(held) < (held === 0 ? 1 : wanted)) return;
    send.isWriterWaiting = false;
    this.onWritable(stream);
  }

  private hasOwnRoom({ send }: Stream): boolean {
    return this.perStream - send.heldBytes >= this.perStream * OWN_ROOM_TO_CALL;
  }

  /** What a stream that holds `held` bytes finds in the buffer of all. */
  private sharedRoom(held: number): number {
    const free = this.perConnection - this.heldValue;
    const forBulk = Math.floor(free - this.perConnection * RESERVED);
    return Math.max(0, forBulk, Math.min(free, SMALL_BYTES - held));
  }
}
