/**
 * Which connection wants to be called first: a binary heap whose entries know their place, so that one connection's
 * new deadline costs log(n) and ten thousand idle ones cost nothing.
 */
export interface HeapEntry {
  /** When; Infinity for never. Written only by the heap. */
  deadline: number;
  /** Index in the heap, -1 outside. Written only by the heap. */
  heapIndex: number;
}

export class DeadlineHeap<T extends HeapEntry> {
  readonly #entries: T[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The entry with the earliest deadline. */
  peek(): T | undefined {
    return this.#entries[0];
  }

  /** Puts the entry in, moves it, or takes it out when the deadline is Infinity. */
  set(entry: T, deadline: number): void {
    if (deadline === Infinity) {
      this.remove(entry);
      return;
    }
    const previous = entry.deadline;
    entry.deadline = deadline;
    if (entry.heapIndex === -1) {
      entry.heapIndex = this.#entries.length;
      this.#entries.push(entry);
      this.#up(entry);
    } else if (deadline < previous) {
      this.#up(entry);
    } else if (deadline > previous) {
      this.#down(entry);
    }
  }

  remove(entry: T): void {
    const index = entry.heapIndex;
    entry.deadline = Infinity;
    if (index === -1) return;
    entry.heapIndex = -1;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#place(last, index);
    this.#up(last);
    this.#down(last);
  }

  #up(entry: T): void {
    while (entry.heapIndex > 0) {
      const index = entry.heapIndex;
      const parentIndex = (index - 1) >> 1;
      const parent = this.#entries[parentIndex];
      if (parent === undefined || parent.deadline <= entry.deadline) return;
      this.#place(parent, index);
      this.#place(entry, parentIndex);
    }
  }

  #down(entry: T): void {
    for (;;) {
      const index = entry.heapIndex;
      const left = this.#entries[2 * index + 1];
      const right = this.#entries[2 * index + 2];
      const child =
        right !== undefined && left !== undefined && right.deadline < left.deadline ? right : left;
      if (child === undefined || child.deadline >= entry.deadline) return;
      this.#place(entry, child.heapIndex);
      this.#place(child, index);
    }
  }

  #place(entry: T, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }
}
