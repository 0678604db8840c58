/**
 * The largest value of the last few periods, whatever a period is to its user: a round trip, a cycle of probing.
 */
export class MaxFilter {
  private readonly periods: Float64Array;
  private current = 0;
  private largest = 0;

  constructor(periodCount: number) {
    this.periods = new Float64Array(periodCount);
  }

  /** 0 before the first update. */
  get value(): number {
    return this.largest;
  }

  /** Of the running period alone. */
  get latest(): number {
    return this.periods[this.current] ?? 0;
  }

  update(value: number): void {
    if (value <= this.latest) return;
    this.periods[this.current] = value;
    this.largest = Math.max(this.largest, value);
  }

  /** A new period begins and the oldest is forgotten. */
  advance(): void {
    this.current = (this.current + 1) % this.periods.length;
    this.periods[this.current] = 0;
    this.largest = Math.max(...this.periods);
  }

  reset(): void {
    this.periods.fill(0);
    this.largest = 0;
  }
}
