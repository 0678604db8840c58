/**
 * Finds a connection by the ID in a packet. IDs have 8 bytes; the key is 53 bits of them, which a Map finds faster than
 * a string, and the whole ID is compared afterwards: an ID that only shares its key is not found and cannot be added.
 */
import { CONNECTION_ID_BYTES } from '../connection/transport-options.js';

interface Entry<T> {
  readonly id: Uint8Array;
  readonly connection: T;
}

export class ConnectionTable<T> {
  readonly #entries = new Map<number, Entry<T>>();

  get size(): number {
    return this.#entries.size;
  }

  /** The connection whose ID stands at `bytes[offset, offset + 8)`. */
  find(bytes: Uint8Array, offset: number): T | undefined {
    const entry = this.#entries.get(keyAt(bytes, offset));
    if (entry === undefined) return undefined;
    for (let i = 0; i < CONNECTION_ID_BYTES; i++) {
      if (entry.id[i] !== bytes[offset + i]) return undefined;
    }
    return entry.connection;
  }

  /** False when the key is taken: choose another ID, or refuse. */
  canAdd(id: Uint8Array): boolean {
    return !this.#entries.has(keyAt(id, 0));
  }

  /** Returns false, and adds nothing, when the key is taken. */
  add(id: Uint8Array, connection: T): boolean {
    const key = keyAt(id, 0);
    if (this.#entries.has(key)) return false;
    this.#entries.set(key, { id, connection });
    return true;
  }

  remove(id: Uint8Array): void {
    if (this.find(id, 0) !== undefined) this.#entries.delete(keyAt(id, 0));
  }
}

function keyAt(bytes: Uint8Array, offset: number): number {
  const high =
    ((bytes[offset] ?? 0) << 13) | ((bytes[offset + 1] ?? 0) << 5) | ((bytes[offset + 2] ?? 0) & 0x1f);
  const low =
    (((bytes[offset + 4] ?? 0) << 24) |
      ((bytes[offset + 5] ?? 0) << 16) |
      ((bytes[offset + 6] ?? 0) << 8) |
      (bytes[offset + 7] ?? 0)) >>>
    0;
  return high * 0x1_0000_0000 + low;
}
