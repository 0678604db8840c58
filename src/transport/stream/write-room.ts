/**
 * Who may write how much. Each stream has its own send buffer, all together have another, and what the second cannot
 * take is shared out by turns: writers that were cut short by others are called in the order in which they last got
 * something. All are called for whom there is room, not only as many as it can serve: one that is called need not
 * write, and nobody would call the next. Who finds the room taken keeps its turn.
 * A quarter is kept for streams that hold little, so that a small call finds room while bulk fills the rest.
 * The buffers follow the congestion window, so that what is in flight never empties them, and the budget of all
 * connections bounds them together: who finds it spent is called when it is this connection's turn.
 */
import { type BufferBudget } from './buffer-budget.js';
import { type PathCapacity } from './path-capacity.js';
import { type Stream } from './stream.js';
import { type StreamLimits } from './stream-limits.js';

/** The part of the buffer of all streams that bulk leaves to others. */
const RESERVED = 1 / 4;

/** A stream that holds no more is no bulk: some small calls, or the head of a large one. */
const SMALL_BYTES = 16_384;

/** A writer is called for these parts of its own buffer and of that of all: not for each acknowledged datagram. */
const OWN_ROOM_TO_CALL = 1 / 4;
const SHARED_ROOM_TO_CALL = 1 / 8;

/** A stream that is in flight as a whole has as much again to send, until its writer was called. */
const OWN_WINDOWS = 2;

/** Bulk may fill three quarters of it, so that one stream finds its own there. */
const SHARED_WINDOWS = 3;

/** What a connection may hold, and a writer is called for, also when the budget is spent: so nobody waits for ever. */
const ALWAYS_BYTES = 64 << 10;

/** So much of the buffer of all must have become free before everybody who waits is looked at again. */
const SHARED_ROOM_TO_LOOK = 1 / 64;

export class WriteRoom {
  private readonly limits: StreamLimits;
  private readonly budget: BufferBudget;
  private readonly path: PathCapacity;
  private readonly onShortOfBudget: () => void;
  private readonly onWritable: (stream: Stream) => void;
  private heldValue = 0;
  /** In turn; among them those that were called and have not written since. */
  private readonly waiting = new Set<Stream>();
  private releasedSinceLook = 0;

  /** `onShortOfBudget`: `onBudgetRoom` is to be called when the budget has room. */
  constructor(
    limits: StreamLimits,
    budget: BufferBudget,
    path: PathCapacity,
    onWritable: (stream: Stream) => void,
    onShortOfBudget: () => void,
  ) {
    this.limits = limits;
    this.budget = budget;
    this.path = path;
    this.onWritable = onWritable;
    this.onShortOfBudget = onShortOfBudget;
  }

  /** Bytes that all streams hold together. */
  get heldBytes(): number {
    return this.heldValue;
  }

  /** Somebody waits whom the delivery of nothing of its own will call. */
  get hasStarvedWriter(): boolean {
    for (const { send } of this.waiting) {
      if (send.takesBytes && send.isWriterWaiting && send.heldBytes === 0) return true;
    }
    return false;
  }

  /** How many bytes the stream may take now. */
  roomOf({ send }: Stream): number {
    // Buffers shrink with the congestion window: a stream may hold more than it may now.
    return Math.max(0, Math.min(this.perStream - send.heldBytes, this.sharedRoom(send.heldBytes)));
  }

  /** The stream has taken `count` bytes; `isAll`: all that its writer gave. */
  onTaken(stream: Stream, count: number, isAll: boolean): void {
    this.heldValue += count;
    stream.send.isWriterWaiting = !isAll;
    if (this.waiting.size > 0 && (isAll || count > 0)) this.waiting.delete(stream);
    // A stream whose own buffer is full waits for itself, one with room there waits for others.
    if (isAll || stream.send.heldBytes >= this.perStream) return;
    this.waiting.add(stream);
    if (this.budgetRoom === 0) this.onShortOfBudget();
  }

  /** It is this connection's turn to use memory that others have freed. */
  onBudgetRoom(): void {
    if (this.waiting.size === 0) return;
    this.lookAtWaiting();
    if (this.budgetRoom < ALWAYS_BYTES) this.onShortOfBudget();
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
    // Who waits holds something or found the buffer full, at its smallest: so much is still to be let go of.
    const { sendBufferPerConnection } = this.limits;
    const fullAt = this.budget.mayGrow
      ? sendBufferPerConnection
      : Math.min(sendBufferPerConnection, ALWAYS_BYTES);
    if (this.releasedSinceLook >= fullAt * SHARED_ROOM_TO_LOOK) this.lookAtWaiting();
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
    const wanted = Math.min(
      this.perStream * OWN_ROOM_TO_CALL,
      this.perConnection * SHARED_ROOM_TO_CALL,
      ALWAYS_BYTES,
    );
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
    const { perConnection } = this;
    const free = perConnection - this.heldValue;
    const forBulk = Math.floor(free - perConnection * RESERVED);
    return Math.min(Math.max(0, forBulk, Math.min(free, SMALL_BYTES - held)), this.budgetRoom);
  }

  private get budgetRoom(): number {
    return Math.max(0, this.budget.freeBytes, ALWAYS_BYTES - this.heldValue);
  }

  private get perStream(): number {
    const { sendBufferPerStream, maxSendBufferPerStream } = this.limits;
    return this.grown(sendBufferPerStream, maxSendBufferPerStream, OWN_WINDOWS);
  }

  private get perConnection(): number {
    const { sendBufferPerConnection, maxSendBufferPerConnection } = this.limits;
    return this.grown(sendBufferPerConnection, maxSendBufferPerConnection, SHARED_WINDOWS);
  }

  private grown(atLeast: number, atMost: number, windows: number): number {
    const wanted = Math.min(this.path.congestionWindow * windows, atMost);
    return wanted > atLeast && this.budget.mayGrow ? wanted : atLeast;
  }
}
