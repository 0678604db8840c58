/**
 * Who may write how much. Each stream has its own send buffer, all together have another, and what the second cannot
 * take is shared out by turns: writers that were cut short by others are called in the order in which they began to
 * wait, as many as there is room for, so that nobody is passed over. A quarter is kept for streams that hold little,
 * so that a small call finds room while bulk fills the rest.
 */
import { RingQueue } from '../../base/ring-queue.js';
import { type Stream } from './stream.js';
import { type StreamLimits } from './stream-limits.js';

/** The part of the buffer of all streams that bulk leaves to others. */
const RESERVED = 1 / 4;

/** A stream that holds no more is no bulk: some small calls, or the head of a large one. */
const SMALL_BYTES = 16_384;

/** A writer is called for these parts of its own buffer and of that of all: not for each acknowledged datagram. */
const OWN_ROOM_TO_CALL = 1 / 4;
const SHARED_ROOM_TO_CALL = 1 / 8;

export class WriteRoom {
  private readonly perStream: number;
  private readonly perConnection: number;
  private readonly onWritable: (stream: Stream) => void;
  private heldValue = 0;
  private readonly waiting = new RingQueue<Stream>();

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
    return Math.min(this.perStream - send.heldBytes, this.sharedRoom(send.heldBytes, 0));
  }

  /** The stream has taken `count` bytes; `isAll`: all that its writer gave. */
  onTaken(stream: Stream, count: number, isAll: boolean): void {
    this.heldValue += count;
    stream.send.isWriterWaiting = !isAll;
    // A stream whose own buffer is full waits for itself, one with room there waits for others.
    if (!isAll && stream.send.heldBytes < this.perStream) this.enqueue(stream);
  }

  /** The stream has let go of `count` bytes. */
  onReleased(stream: Stream, count: number): void {
    if (count === 0) return;
    this.heldValue -= count;
    const { send } = stream;
    if (send.isWriterWaiting) {
      // Who holds nothing is called whoever waits before: a stream whose peer does not read may wait there for long.
      if (send.heldBytes === 0 && this.roomOf(stream) > 0) this.call(stream);
      else if (this.perStream - send.heldBytes >= this.perStream * OWN_ROOM_TO_CALL) this.enqueue(stream);
    }
    if (this.waiting.length > 0) this.callWriters();
  }

  /** Nobody is called any more. */
  clear(): void {
    this.waiting.clear();
  }

  private enqueue(stream: Stream): void {
    if (stream.isInWriterQueue) return;
    stream.isInWriterQueue = true;
    this.waiting.push(stream);
  }

  private call(stream: Stream): void {
    stream.send.isWriterWaiting = false;
    this.onWritable(stream);
  }

  private callWriters(): void {
    let promised = 0;
    for (let stream = this.waiting.peek(); stream !== undefined; stream = this.waiting.peek()) {
      const { send } = stream;
      const own = this.perStream - send.heldBytes;
      if (send.isWriterWaiting && own > 0) {
        const room = Math.min(own, this.sharedRoom(send.heldBytes, promised));
        const wanted = Math.min(
          own,
          this.perStream * OWN_ROOM_TO_CALL,
          this.perConnection * SHARED_ROOM_TO_CALL,
        );
        if (room < wanted) return;
        promised += room;
        this.call(stream);
      }
      this.waiting.shift();
      stream.isInWriterQueue = false;
    }
  }

  /** What a stream that holds `held` bytes finds in the buffer of all, when `promised` of it is given away. */
  private sharedRoom(held: number, promised: number): number {
    const free = this.perConnection - this.heldValue - promised;
    const forBulk = Math.floor(free - this.perConnection * RESERVED);
    return Math.max(0, forBulk, Math.min(free, SMALL_BYTES - held));
  }
}
