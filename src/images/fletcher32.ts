/**
 * Fletcher-32 over little-endian 16-bit words, an odd last byte padded with zero; both sums start at zero. A cheap
 * check of a whole file that a small device can compute too; SHA-256 is what proves a file.
 * Source: J. G. Fletcher, "An Arithmetic Checksum for Serial Transmissions" (1982).
 */
export class Fletcher32 {
  #sum1 = 0;
  #sum2 = 0;
  /** The first byte of a word whose second one is in the next update. */
  #oddByte: number | undefined;

  /** Takes the next bytes, in any division. */
  update(bytes: Uint8Array): this {
    let position = 0;
    if (this.#oddByte !== undefined && bytes.length > 0) {
      this.#add(this.#oddByte | ((bytes[0] ?? 0) << 8));
      this.#oddByte = undefined;
      position = 1;
    }
    let sum1 = this.#sum1;
    let sum2 = this.#sum2;
    const wordsEnd = position + ((bytes.length - position) & ~1);
    while (position < wordsEnd) {
      const blockEnd = Math.min(position + BLOCK_BYTES, wordsEnd);
      for (; position < blockEnd; position += 2) {
        sum1 += (bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8);
        sum2 += sum1;
      }
      sum1 %= 65_535;
      sum2 %= 65_535;
    }
    this.#sum1 = sum1;
    this.#sum2 = sum2;
    if (position < bytes.length) this.#oddByte = bytes[position];
    return this;
  }

  /** The checksum of what was given so far. */
  digest(): number {
    let sum1 = this.#sum1;
    let sum2 = this.#sum2;
    if (this.#oddByte !== undefined) {
      sum1 = (sum1 + this.#oddByte) % 65_535;
      sum2 = (sum2 + sum1) % 65_535;
    }
    return ((sum2 << 16) | sum1) >>> 0;
  }

  #add(word: number): void {
    this.#sum1 = (this.#sum1 + word) % 65_535;
    this.#sum2 = (this.#sum2 + this.#sum1) % 65_535;
  }
}

/** 359 words are as many as fit before the second sum could pass 32 bits and leave the engine's fast integers. */
const BLOCK_BYTES = 359 * 2;
