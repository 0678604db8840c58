/**
 * A client's tokens for its next hellos: of each server's address the latest, to be used once [TOK-5]. Shared by all
 * connections of a channel, kept in memory only, and bounded.
 */
import { type Address } from '../path/path.js';
import { MAX_TOKEN_BYTES } from '../connection/transport-options.js';

export class TokenMemory {
  readonly #tokens = new Map<string, Uint8Array>();

  /** In the place of what there was. The memory is the callee's to keep. */
  keep(remote: Address, token: Uint8Array): void {
    if (token.length > MAX_TOKEN_BYTES) return;
    const key = keyOf(remote);
    this.#tokens.delete(key);
    this.#tokens.set(key, token);
    if (this.#tokens.size <= MAX_TARGETS) return;
    for (const oldest of this.#tokens.keys()) {
      this.#tokens.delete(oldest);
      break;
    }
  }

  /** It is nobody else's from now on. */
  take(remote: Address): Uint8Array | undefined {
    const key = keyOf(remote);
    const token = this.#tokens.get(key);
    this.#tokens.delete(key);
    return token;
  }
}

function keyOf({ ip, port }: Address): string {
  return `${port} ${ip}`;
}

/** Addresses of one target; more than are ever tried against each other. */
const MAX_TARGETS = 16;
