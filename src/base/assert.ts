/**
 * A check of our own reasoning. A failed assertion is a bug in this project, never an answer to input:
 * whatever a peer or a user can cause has an error of its own.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`udprpc: assertion failed: ${message}`);
}
