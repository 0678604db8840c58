/**
 * The packets of one space whose fate is open, in the order of their numbers. A ring of slots: appending, finding by
 * number and removing are O(1) amortised, nothing is allocated per packet. A removed packet leaves an empty slot; runs
 * of empty slots are stepped over at once (`skips`, compressed as it is walked), so that the ranges a peer repeats in
 * ACK after ACK cost nothing the second time. Memory follows the number of packets kept, not of numbers spanned.
 *
 * A cursor is a slot's running count; it holds until the next `append`.
 */
import { assert } from '../../base/assert.js';
import { type SentPacket } from './sent-packet.js';

export class SentPacketLog {
  private packets = new Array<SentPacket | undefined>(INITIAL_SLOTS);
  private numbers = new Array<number>(INITIAL_SLOTS);
  /** Of an empty slot: a cursor behind it with only empty slots between. */
  private skips = new Array<number>(INITIAL_SLOTS);
  private mask = INITIAL_SLOTS - 1;
  private head = 0;
  private tail = 0;
  private kept = 0;

  get count(): number {
    return this.kept;
  }

  /** Cursor of the oldest packet; equal to `end` when there is none. */
  get start(): number {
    return this.head;
  }

  get end(): number {
    return this.tail;
  }

  append(packet: SentPacket): void {
    assert(
      this.tail === this.head || packet.packetNumber > this.numberAt(this.tail - 1),
      'packet numbers must rise',
    );
    if (this.tail - this.head > this.mask) this.makeRoom();
    const slot = this.tail & this.mask;
    this.packets[slot] = packet;
    this.numbers[slot] = packet.packetNumber;
    this.tail += 1;
    this.kept += 1;
  }

  /** The first packet at or behind the cursor, or `end`. */
  next(cursor: number): number {
    let found = cursor;
    while (found < this.tail && this.packets[found & this.mask] === undefined) found = this.skipFrom(found);
    for (let at = cursor; at < found;) {
      const step = this.skipFrom(at);
      this.skips[at & this.mask] = found;
      at = step;
    }
    return found;
  }

  /** The first packet whose number is at least `packetNumber`, or `end`. */
  seek(packetNumber: number): number {
    // Numbers are seldom skipped, so the distance from the first one is nearly always the place.
    const guess = this.head + packetNumber - (this.head < this.tail ? this.numberAt(this.head) : 0);
    if (guess >= this.head && guess < this.tail && this.numberAt(guess) === packetNumber) {
      return this.next(guess);
    }
    let low = this.head;
    let high = this.tail;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.numberAt(middle) < packetNumber) low = middle + 1;
      else high = middle;
    }
    return this.next(low);
  }

  at(cursor: number): SentPacket {
    const packet = this.packets[cursor & this.mask];
    assert(packet !== undefined && cursor >= this.head && cursor < this.tail, 'no packet at this cursor');
    return packet;
  }

  removeAt(cursor: number): void {
    const slot = cursor & this.mask;
    this.packets[slot] = undefined;
    this.skips[slot] = cursor + 1;
    this.kept -= 1;
    if (this.kept === 0) this.restart();
    else if (cursor === this.head) this.head = this.next(cursor);
  }

  private numberAt(cursor: number): number {
    return this.numbers[cursor & this.mask] ?? 0;
  }

  private skipFrom(cursor: number): number {
    return this.skips[cursor & this.mask] ?? this.tail;
  }

  private restart(): void {
    this.head = this.tail;
    // What a burst needed is not kept by a connection that then falls silent.
    if (this.mask >= SLOTS_KEPT_WHEN_EMPTY) this.allocate(INITIAL_SLOTS);
  }

  /** All slots are taken: by packets, then there must be twice as many; or mostly empty ones, then they are dropped. */
  private makeRoom(): void {
    const packets: SentPacket[] = [];
    for (let cursor = this.head; cursor < this.tail; cursor = this.next(cursor + 1))
      packets.push(this.at(cursor));
    const slots = this.mask + 1;
    this.allocate(packets.length > slots / 2 ? slots * 2 : slots);
    this.head = 0;
    this.tail = 0;
    this.kept = 0;
    for (const packet of packets) this.append(packet);
  }

  private allocate(slots: number): void {
    this.packets = new Array<SentPacket | undefined>(slots);
    this.numbers = new Array<number>(slots);
    this.skips = new Array<number>(slots);
    this.mask = slots - 1;
  }
}

/** Powers of two. Most connections are idle most of the time, with an empty log: it has 2 KiB at most. */
const INITIAL_SLOTS = 8;
const SLOTS_KEPT_WHEN_EMPTY = 64;
