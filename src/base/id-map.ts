/**
 * What belongs to which number, where numbers come and go all the time: the streams of a connection, the calls on them.
 * A Map does the same, but is made anew after every few hundred changes, and each table that it leaves behind points to the
 * next one: once the garbage collector has moved one of them to where old objects are, everything that was in any later
 * table stays alive with it until the next full collection. Then short-lived entries are collected as if they were old,
 * which was found to cost as much as half of a small call. Here two arrays are used again and again (open addressing,
 * linear probing, no tombstones), and what was removed is pointed to by nothing.
 */
export class IdMap<T extends object> {
  private ids: number[] = [];
  private slots: (T | undefined)[] = [];
  private count = 0;
  /** One less than the number of slots, a power of two. */
  private mask = -1;

  get size(): number {
    return this.count;
  }

  get(id: number): T | undefined {
    const { ids, slots, mask } = this;
    if (mask < 0) return undefined;
    for (let slot = hash(id) & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot];
      if (value === undefined || ids[slot] === id) return value;
    }
  }

  /** `id` is a whole number. */
  set(id: number, value: T): void {
    // At most half of the slots are taken, so that a search ends soon.
    if (2 * (this.count + 1) > this.mask + 1) this.resize(Math.max(INITIAL_SLOTS, 2 * (this.mask + 1)));
    if (this.put(id, value)) this.count++;
  }

  /** Returns whether it was there. */
  delete(id: number): boolean {
    const { ids, slots, mask } = this;
    if (mask < 0) return false;
    let hole = hash(id) & mask;
    while (slots[hole] !== undefined && ids[hole] !== id) hole = (hole + 1) & mask;
    if (slots[hole] === undefined) return false;
    this.closeHole(hole);
    this.count--;
    if (this.count === 0 && this.mask >= SLOTS_KEPT_WHEN_EMPTY) this.clear();
    return true;
  }

  /** In the order of their numbers; a copy, so that the map may change meanwhile. */
  values(): T[] {
    const taken: number[] = [];
    this.slots.forEach((value, slot) => {
      if (value !== undefined) taken.push(slot);
    });
    taken.sort((a, b) => (this.ids[a] as number) - (this.ids[b] as number));
    return taken.map((slot) => this.slots[slot] as T);
  }

  clear(): void {
    this.ids = [];
    this.slots = [];
    this.mask = -1;
    this.count = 0;
  }

  private put(id: number, value: T): boolean {
    const { ids, slots, mask } = this;
    let slot = hash(id) & mask;
    while (slots[slot] !== undefined && ids[slot] !== id) slot = (slot + 1) & mask;
    const isNew = slots[slot] === undefined;
    ids[slot] = id;
    slots[slot] = value;
    return isNew;
  }

  /** Moves what would not be found any more behind an empty slot into it. */
  private closeHole(from: number): void {
    const { ids, slots, mask } = this;
    let hole = from;
    for (let slot = (hole + 1) & mask; slots[slot] !== undefined; slot = (slot + 1) & mask) {
      const home = hash(ids[slot] as number) & mask;
      const isReached = ((slot - home) & mask) < ((slot - hole) & mask);
      if (isReached) continue;
      ids[hole] = ids[slot] as number;
      slots[hole] = slots[slot];
      hole = slot;
    }
    slots[hole] = undefined;
  }

  private resize(slotCount: number): void {
    const { ids, slots } = this;
    this.ids = new Array<number>(slotCount).fill(0);
    this.slots = new Array<T | undefined>(slotCount).fill(undefined);
    this.mask = slotCount - 1;
    slots.forEach((value, slot) => {
      if (value !== undefined) this.put(ids[slot] as number, value);
    });
  }
}

/** Spreads numbers that are all even, or all multiples of something. */
function hash(id: number): number {
  const product = Math.imul(id, GOLDEN_RATIO);
  return product ^ (product >>> 16);
}

/** 2^32 divided by the golden ratio. */
const GOLDEN_RATIO = 0x9e37_79b1;
/** Powers of two. */
const INITIAL_SLOTS = 8;
const SLOTS_KEPT_WHEN_EMPTY = 256;
