/**
 * A map whose keys are in the order of their last use, for tables that forget the oldest when they are full. A linked
 * list beside a Map: to look for the oldest at the front of the Map itself costs a walk over all that was deleted
 * there. Every verb is O(1). It has no limit of its own: its user has one, with a name.
 */

export class RecencyMap<Value> {
  private readonly entries = new Map<string, Entry<Value>>();
  private oldestEntry: Entry<Value> | undefined;
  private newestEntry: Entry<Value> | undefined;

  get size(): number {
    return this.entries.size;
  }

  /** The value that was used longest ago. */
  get oldest(): Value | undefined {
    return this.oldestEntry?.value;
  }

  /** Looks it up, which makes it the newest. */
  use(key: string): Value | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry !== this.newestEntry) {
      this.unlink(entry);
      this.link(entry);
    }
    return entry.value;
  }

  /** Adds it as the newest, in the place of one with the same key. */
  set(key: string, value: Value): void {
    const before = this.entries.get(key);
    if (before !== undefined) this.unlink(before);
    const entry: Entry<Value> = { key, value, older: undefined, newer: undefined };
    this.entries.set(key, entry);
    this.link(entry);
  }

  /** Takes out what was used longest ago. */
  shift(): Value | undefined {
    const entry = this.oldestEntry;
    if (entry === undefined) return undefined;
    this.entries.delete(entry.key);
    this.unlink(entry);
    return entry.value;
  }

  private link(entry: Entry<Value>): void {
    entry.older = this.newestEntry;
    entry.newer = undefined;
    if (this.newestEntry === undefined) this.oldestEntry = entry;
    else this.newestEntry.newer = entry;
    this.newestEntry = entry;
  }

  private unlink({ older, newer }: Entry<Value>): void {
    if (older === undefined) this.oldestEntry = newer;
    else older.newer = newer;
    if (newer === undefined) this.newestEntry = older;
    else newer.older = older;
  }
}

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  older: Entry<Value> | undefined;
  newer: Entry<Value> | undefined;
}
