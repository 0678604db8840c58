/**
 * Whose turn it is to send: one step to find the next stream, however many there are. Three rings: what costs no
 * credit (lost bytes, a FIN alone) goes first; then streams that have sent little, so that a small call does not wait
 * behind bulk; then bulk, a frame each in turn. So that many small calls cannot starve bulk either, every other
 * packet begins with bulk while both wait.
 * A stream stays in a ring until its turn even when it has nothing left to send; then it is passed over.
 */
import { RingQueue } from '../../base/ring-queue.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type ControlQueue } from './control-queue.js';
import { type SendCredit } from './flow-control.js';
import { type Stream } from './stream.js';

/** Up to here a stream counts as a small call: some datagrams, sent before the first round trip is over. */
const SMALL_CALL_BYTES = 8_192;

export class SendScheduler {
  private readonly controls: ControlQueue;
  private readonly uncharged = new RingQueue<Stream>();
  private readonly small = new RingQueue<Stream>();
  private readonly bulk = new RingQueue<Stream>();
  private isTurnOfBulk = false;

  constructor(controls: ControlQueue) {
    this.controls = controls;
  }

  /** Something can be sent without credit of the connection. */
  get hasUncharged(): boolean {
    return this.firstUncharged() !== undefined;
  }

  /** Something can be sent when the connection has credit. */
  get hasNew(): boolean {
    return firstNew(this.small) !== undefined || firstNew(this.bulk) !== undefined;
  }

  /** To be told of every stream that may have become able to send. */
  markReady(stream: Stream): void {
    const { send } = stream;
    if (!stream.isInUnchargedRing && send.hasUncharged) {
      stream.isInUnchargedRing = true;
      this.uncharged.push(stream);
    }
    if (!stream.isInNewRing && send.hasNew) {
      stream.isInNewRing = true;
      (send.sentEnd < SMALL_CALL_BYTES ? this.small : this.bulk).push(stream);
    }
    this.controls.reportBlocked(stream);
  }

  /** As many STREAM frames as there is room and credit for. */
  write(builder: PacketBuilder, credit: SendCredit, isLast: boolean): void {
    for (let stream = this.firstUncharged(); stream !== undefined; stream = this.firstUncharged()) {
      if (!stream.send.writeUncharged(builder, isLast)) return;
      this.uncharged.shift();
      stream.isInUnchargedRing = false;
      this.markReady(stream);
    }
    const startsWithBulk = this.isTurnOfBulk && this.writeFirst(this.bulk, builder, credit, isLast);
    while (this.writeFirst(this.small, builder, credit, isLast));
    let endsWithBulk = false;
    while (this.writeFirst(this.bulk, builder, credit, isLast)) endsWithBulk = true;
    this.isTurnOfBulk = !startsWithBulk && !endsWithBulk && firstNew(this.bulk) !== undefined;
  }

  clear(): void {
    this.uncharged.clear();
    this.small.clear();
    this.bulk.clear();
  }

  private firstUncharged(): Stream | undefined {
    for (;;) {
      const stream = this.uncharged.peek();
      if (stream === undefined || stream.send.hasUncharged) return stream;
      this.uncharged.shift();
      stream.isInUnchargedRing = false;
    }
  }

  /** One frame of the stream whose turn it is. False when there is none, or no room or no credit for it. */
  private writeFirst(
    ring: RingQueue<Stream>,
    builder: PacketBuilder,
    credit: SendCredit,
    isLast: boolean,
  ): boolean {
    const stream = firstNew(ring);
    if (stream === undefined) return false;
    const { available } = credit;
    if (available === 0) {
      this.controls.reportBlocked(stream);
      return false;
    }
    const sent = stream.send.writeNew(builder, available, isLast);
    if (sent === 0) return false;
    credit.use(sent);
    ring.shift();
    stream.isInNewRing = false;
    this.markReady(stream);
    return true;
  }
}

/** The first stream of the ring that has something to send; those before it leave the ring. */
function firstNew(ring: RingQueue<Stream>): Stream | undefined {
  for (;;) {
    const stream = ring.peek();
    if (stream === undefined || stream.send.hasNew) return stream;
    ring.shift();
    stream.isInNewRing = false;
  }
}
