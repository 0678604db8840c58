/** The bytes that are fetched, and how a client looks at what came. */
/** Bytes that no one can compress, the same in each process. */
export function payload(length) {
  const bytes = Buffer.allocUnsafe(length);
  let state = 0x2545_f491;
  for (let i = 0; i + 4 <= length; i += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, i);
  }
  return bytes;
}

/** Runs `work`, and says how long it took and what it cost this process. */
export async function timed(work) {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const result = await work();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms, cpuMs: (user + system) / 1_000, ...result };
}
