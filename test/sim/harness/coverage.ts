/**
 * What a run reached: named counters, summed over runs. A dimension that no seed ever reaches tests nothing, so the
 * report over many seeds lists them all and names those that stayed at zero.
 */
export class Coverage {
  readonly #counts = new Map<string, { seeds: number; total: number; lastSeed: number }>();

  /** `name` is `group/what`, for example `fate/lost`. */
  add(seed: number, name: string, count = 1): void {
    if (count === 0) return;
    const entry = this.#counts.get(name) ?? { seeds: 0, total: 0, lastSeed: -1 };
    this.#counts.set(name, entry);
    if (entry.lastSeed !== seed) entry.seeds++;
    entry.lastSeed = seed;
    entry.total += count;
  }

  toJSON(): Record<string, [seeds: number, total: number]> {
    return Object.fromEntries([...this.#counts].map(([name, { seeds, total }]) => [name, [seeds, total]]));
  }

  /** Adds what another process counted over other seeds. */
  merge(counts: Record<string, readonly [seeds: number, total: number]>): void {
    for (const [name, [seeds, total]] of Object.entries(counts)) {
      const entry = this.#counts.get(name) ?? { seeds: 0, total: 0, lastSeed: -1 };
      this.#counts.set(name, entry);
      entry.seeds += seeds;
      entry.total += total;
    }
  }

  total(name: string): number {
    return this.#counts.get(name)?.total ?? 0;
  }

  missing(required: readonly string[]): string[] {
    return required.filter((name) => this.total(name) === 0);
  }

  /** A line for each group: every name with its total and the seeds that reached it. */
  lines(): string[] {
    const groups = new Map<string, string[]>();
    for (const [name, { seeds, total }] of [...this.#counts].sort(([left], [right]) =>
      left < right ? -1 : 1,
    )) {
      const slash = name.indexOf('/');
      const entries = groups.get(name.slice(0, slash)) ?? [];
      groups.set(name.slice(0, slash), entries);
      entries.push(`${name.slice(slash + 1)} ${total} (${seeds})`);
    }
    return [...groups].map(([group, entries]) => `${group}: ${entries.join(' · ')}`);
  }
}
