/**
 * Who is due first: a binary heap by instant whose entries know their place, so that adding, moving and removing one
 * costs log(n), and ten thousand that only wait cost nothing. What becomes of an entry that is due is the user's matter.
 */
export interface HeapEntry {
  /** When; not changed while the entry is in a heap. */
  readonly dueAt: number;
  /** Where it is in its heap, or NOT_QUEUED. Written only by the heap. */
  heapIndex: number;
}

export const NOT_QUEUED = -1;

export class DeadlineHeap<T extends HeapEntry> {
  readonly #entries: T[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The entry that is due first. */
  peek(): T | undefined {
    return this.#entries[0];
  }

  /** The entry is in no heap. */
  add(entry: T): void {
    this.#siftUp(entry, this.#entries.length);
  }

  /** Idempotent. */
  remove(entry: T): void {
    const index = entry.heapIndex;
    if (index === NOT_QUEUED) return;
    entry.heapIndex = NOT_QUEUED;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    if (last.dueAt < entry.dueAt) this.#siftUp(last, index);
    else this.#siftDown(last, index);
  }

  #siftUp(entry: T, from: number): void {
    const entries = this.#entries;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = entries[parentIndex];
      if (parent === undefined || parent.dueAt <= entry.dueAt) break;
      entries[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    entries[index] = entry;
    entry.heapIndex = index;
  }

  #siftDown(entry: T, from: number): void {
    const entries = this.#entries;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = entries[childIndex];
      const right = entries[childIndex + 1];
      if (child !== undefined && right !== undefined && right.dueAt < child.dueAt) {
        child = right;
        childIndex += 1;
      }
      if (child === undefined || child.dueAt >= entry.dueAt) break;
      entries[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    entries[index] = entry;
    entry.heapIndex = index;
  }
}
