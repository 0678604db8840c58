/**
 * The smallest so many of the names that were added, in order. It is how a directory of any size is listed in order
 * with little memory: one pass finds the first window, the next pass the one after it. Names are compared by UTF-16
 * code units.
 */
export class NameWindow {
  readonly #maxNames: number;
  #sorted: string[] = [];
  /** The array of the merge before: two take turns, so that a pass over a large directory makes no large garbage. */
  #spare: string[] = [];
  #pending: string[] = [];
  #hasDropped = false;

  constructor(maxNames: number) {
    this.#maxNames = maxNames;
  }

  add(name: string): void {
    if (this.#sorted.length === this.#maxNames && name > (this.#sorted[this.#maxNames - 1] ?? '')) {
      this.#hasDropped = true;
      return;
    }
    this.#pending.push(name);
    if (this.#pending.length === RUN_LENGTH) this.#merge();
  }

  /** `isComplete`: nothing that was added is missing. */
  finish(): { readonly names: readonly string[]; readonly isComplete: boolean } {
    this.#merge();
    return { names: this.#sorted, isComplete: !this.#hasDropped };
  }

  #merge(): void {
    const run = this.#pending.sort(byCodeUnits);
    const old = this.#sorted;
    const merged = this.#spare;
    const length = Math.min(old.length + run.length, this.#maxNames);
    if (length < old.length + run.length) this.#hasDropped = true;
    let oldIndex = 0;
    let runIndex = 0;
    for (let index = 0; index < length; index++) {
      const fromOld = old[oldIndex];
      const fromRun = run[runIndex];
      if (fromRun === undefined || (fromOld !== undefined && fromOld < fromRun)) {
        merged[index] = fromOld ?? '';
        oldIndex++;
      } else {
        merged[index] = fromRun;
        runIndex++;
      }
    }
    this.#sorted = merged;
    this.#spare = old;
    this.#pending = [];
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorting this many takes 2 ms: the longest that the event loop waits for us. */
const RUN_LENGTH = 4_096;
