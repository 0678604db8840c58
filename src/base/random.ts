/**
 * Randomness as the floors above see it: the socket driver draws from the operating system, the simulator from a
 * seed. Everything that must be unguessable (connection IDs, tokens) is drawn with `bytes`.
 */
export interface Random {
  /** A fresh array of `length` random bytes. */
  bytes(length: number): Uint8Array;

  /** Uniform in [0, 1). */
  fraction(): number;
}
