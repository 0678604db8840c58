/**
 * Whose turn it is to send: one step to find the next stream, however many there are. Streams that have sent little go
 * before bulk, with what they lost and with what is new, so that a small call waits for no bulk and for no repair of
 * bulk; then bulk, first what it lost (which costs no credit), then what is new, a datagram's worth each in turn. So that
 * many small calls cannot starve bulk either, every other packet begins with bulk while both wait.
 * [FLC-6] Of the connection's credit bulk leaves a part to small calls.
 * A stream stays in a ring until its turn even when it has nothing left to send; then it is passed over.
 */
import { RingQueue } from '../../base/ring-queue.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type ControlQueue } from './control-queue.js';
import { type SendCredit } from './flow-control.js';
import { type Stream } from './stream.js';

/** A bulk stream keeps its turn until it has sent so much: the ends of packets are no turns. */
const TURN_BYTES = 1_024;

export class SendScheduler {
  private readonly controls: ControlQueue;
  private readonly smallUncharged = new RingQueue<Stream>();
  private readonly small = new RingQueue<Stream>();
  private readonly bulkUncharged = new RingQueue<Stream>();
  private readonly bulk = new RingQueue<Stream>();
  /** Whose turn it is in the bulk ring, and what it has sent in it. */
  private turnOf: Stream | undefined;
  private turnBytes = 0;
  private isTurnOfBulk = false;

  constructor(controls: ControlQueue) {
    this.controls = controls;
  }

  /** Something can be sent within this credit of the connection. */
  maySend({ available, reserve }: SendCredit): boolean {
    if (firstUncharged(this.smallUncharged) !== undefined || firstUncharged(this.bulkUncharged) !== undefined)
      return true;
    if (available > 0 && firstNew(this.small) !== undefined) return true;
    return available > reserve && firstNew(this.bulk) !== undefined;
  }

  /** To be told of every stream that may have become able to send. */
  markReady(stream: Stream): void {
    const { send } = stream;
    if (!stream.isInUnchargedRing && send.hasUncharged) {
      stream.isInUnchargedRing = true;
      (send.isBulk ? this.bulkUncharged : this.smallUncharged).push(stream);
    }
    if (!stream.isInNewRing && send.hasNew) {
      stream.isInNewRing = true;
      (send.isBulk ? this.bulk : this.small).push(stream);
    }
    this.controls.reportBlocked(stream);
  }

  /** As many STREAM frames as there is room and credit for. */
  write(builder: PacketBuilder, credit: SendCredit, isLast: boolean): void {
    let hasBulk = this.isTurnOfBulk && this.writeBulk(builder, credit, isLast);
    while (this.writeUncharged(this.smallUncharged, builder, isLast));
    while (this.writeSmall(builder, credit, isLast));
    while (this.writeBulk(builder, credit, isLast)) hasBulk = true;
    this.isTurnOfBulk = !hasBulk && this.hasBulk;
  }

  clear(): void {
    this.smallUncharged.clear();
    this.small.clear();
    this.bulkUncharged.clear();
    this.bulk.clear();
    this.turnOf = undefined;
  }

  private get hasBulk(): boolean {
    return firstUncharged(this.bulkUncharged) !== undefined || firstNew(this.bulk) !== undefined;
  }

  private writeBulk(builder: PacketBuilder, credit: SendCredit, isLast: boolean): boolean {
    if (this.writeUncharged(this.bulkUncharged, builder, isLast)) return true;
    const stream = firstNew(this.bulk);
    if (stream === undefined) return false;
    const sent = this.writeNew(stream, builder, credit, credit.available - credit.reserve, isLast);
    this.turnBytes = stream === this.turnOf ? this.turnBytes + sent : sent;
    this.turnOf = stream;
    if (sent === 0 || (this.turnBytes < TURN_BYTES && stream.send.hasNew)) return sent > 0;
    this.turnOf = undefined;
    this.endTurn(this.bulk, stream);
    return true;
  }

  private writeSmall(builder: PacketBuilder, credit: SendCredit, isLast: boolean): boolean {
    const stream = firstNew(this.small);
    if (stream === undefined) return false;
    if (this.writeNew(stream, builder, credit, credit.available, isLast) === 0) return false;
    this.endTurn(this.small, stream);
    return true;
  }

  /** One frame of the first that has something to send at no credit. False when there is none, or no room for it. */
  private writeUncharged(ring: RingQueue<Stream>, builder: PacketBuilder, isLast: boolean): boolean {
    const stream = firstUncharged(ring);
    if (stream?.send.writeUncharged(builder, isLast) !== true) return false;
    ring.shift();
    stream.isInUnchargedRing = false;
    this.markReady(stream);
    return true;
  }

  /** One frame of new bytes. Returns their number, 0 when there is no room or no credit for any. */
  private writeNew(
    stream: Stream,
    builder: PacketBuilder,
    credit: SendCredit,
    allowed: number,
    isLast: boolean,
  ): number {
    if (allowed <= 0) {
      this.controls.reportBlocked(stream);
      return 0;
    }
    const sent = stream.send.writeNew(builder, allowed, isLast);
    credit.use(sent);
    return sent;
  }

  private endTurn(ring: RingQueue<Stream>, stream: Stream): void {
    ring.shift();
    stream.isInNewRing = false;
    this.markReady(stream);
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

function firstUncharged(ring: RingQueue<Stream>): Stream | undefined {
  for (;;) {
    const stream = ring.peek();
    if (stream === undefined || stream.send.hasUncharged) return stream;
    ring.shift();
    stream.isInUnchargedRing = false;
  }
}
