/**
 * Stateless resets as the wire shows them: each answers a short packet that came from there, is smaller than it, and
 * with a key that survives its server ends in the token that was told for the ID that was asked for.
 */
import { CONNECTION_ID_BYTES } from '../../../src/transport/connection/transport-options.js';
import { RESET_TOKEN_BYTES } from '../../../src/transport/wire/frame.js';
import { check } from './violation.js';

interface Question {
  readonly id: string;
  readonly bytes: number;
}

export class ResetWatch {
  /** By connection ID, as hexadecimal digits. */
  readonly #tokens = new Map<string, string>();
  /** By path, the latest short packets that came and no reset has answered. */
  readonly #asked = new Map<string, Question[]>();

  onToken(connectionId: Uint8Array, token: Uint8Array): void {
    this.#tokens.set(hex(connectionId), hex(token));
  }

  onDelivered(path: string, bytes: Uint8Array): void {
    if (((bytes[0] ?? 0) & 0x80) !== 0) return;
    const asked = this.#asked.get(path) ?? [];
    asked.push({ id: hex(bytes.subarray(1, 1 + CONNECTION_ID_BYTES)), bytes: bytes.length });
    if (asked.length > MOST_QUESTIONS) asked.shift();
    this.#asked.set(path, asked);
  }

  onSent(path: string, bytes: Uint8Array, hasKeptKey: boolean): void {
    const asked = this.#asked.get(path) ?? [];
    this.#asked.delete(path);
    const largest = Math.max(...asked.map((question) => question.bytes));
    check(bytes.length < largest, () => `a reset of ${bytes.length} bytes for what has at most ${largest}`);
    const tokens = asked.map(({ id }) => this.#tokens.get(id));
    // Where an ID was never told, or damaged on its way, nobody can know the token.
    if (!hasKeptKey || tokens.includes(undefined)) return;
    const token = hex(bytes.subarray(bytes.length - RESET_TOKEN_BYTES));
    check(
      tokens.includes(token),
      () => `a reset with the token of none of the ${asked.length} IDs that came`,
    );
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** More than a server reads before it answers. */
const MOST_QUESTIONS = 64;
