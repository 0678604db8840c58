/** JSON values one after another, as `udprpc call -d` takes them: cut out of a text that comes in pieces, each as soon as it is there. */
import { JsonError } from '../dynamic/json-codec.js';

/** The texts of the values. Throws JsonError where one is not finished at the end, or is too long. */
export async function* jsonValues(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  const cutter = new ValueCutter();
  for await (const piece of pieces) yield* cutter.cut(piece);
  yield* cutter.cut(END);
  cutter.end();
}

class ValueCutter {
  #text = '';
  /** Where to look on. */
  #at = 0;
  #depth = 0;
  #isInString = false;

  *cut(piece: string): Generator<string> {
    this.#text += piece;
    if (this.#text.length > MAX_VALUE_LENGTH + piece.length) {
      throw new JsonError(`a JSON value has more than ${MAX_VALUE_LENGTH} characters`);
    }
    let start = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const end = this.#step(start);
      if (end === undefined) continue;
      const value = this.#text.slice(start, end).trim();
      if (value !== '') yield value;
      start = end;
    }
    this.#text = this.#text.slice(start);
    this.#at -= start;
  }

  end(): void {
    if (this.#text.trim() === '') return;
    throw new JsonError(
      `the JSON ends in the middle of a value: ${JSON.stringify(this.#text.trim().slice(0, 40))}`,
    );
  }

  /** Where a value ends, when it does with this character. */
  #step(start: number): number | undefined {
    const character = this.#text.charAt(this.#at);
    if (this.#isInString) {
      if (character === '\\') this.#at++;
      else if (character === '"') this.#isInString = false;
      return this.#isInString || this.#depth > 0 ? undefined : this.#at + 1;
    }
    if (character === '"') this.#isInString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') return --this.#depth <= 0 ? this.#closed() : undefined;
    else if (this.#depth === 0 && /\s/.test(character) && this.#at > start) return this.#at;
    return undefined;
  }

  /** One that was never opened is for the parser to complain about. */
  #closed(): number {
    this.#depth = 0;
    return this.#at + 1;
  }
}

/** Ends a number, `true`, `false` or `null`. */
const END = '\n';

/** Four times the largest message that is sent by default. */
const MAX_VALUE_LENGTH = 16_777_216;
