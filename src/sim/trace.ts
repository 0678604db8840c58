/**
 * What happened in a run, one compact line per event, and a running hash over all of it: the same seed and the same
 * code give the same trace, byte for byte. The last lines are kept for the report of a failure; all of them on request.
 */
export class Trace {
  readonly #keep: number;
  #lines: string[] = [];
  #lineCount = 0;
  #low = 0xdeadbeef;
  #high = 0x41c6ce57;

  /** `keep`: how many of the last lines to keep. */
  constructor(keep = 200) {
    this.#keep = keep;
  }

  /** Adds a line. @internal */
  line(now: number, text: string): void {
    const line = `${now.toFixed(3)} ${text}`;
    this.#lineCount++;
    for (let index = 0; index < line.length; index++) {
      const unit = line.charCodeAt(index);
      this.#low = Math.imul(this.#low ^ unit, 0x9e3779b1);
      this.#high = Math.imul(this.#high ^ unit, 0x5f356495);
      this.#high ^= this.#low >>> 15;
    }
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep);
  }

  /** Of all lines so far, kept or not. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines.length > this.#keep ? this.#lines.slice(-this.#keep) : this.#lines;
  }

  /** 16 hexadecimal digits over every line so far. */
  get hash(): string {
    const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return digits(this.#low) + digits(this.#high);
  }
}
