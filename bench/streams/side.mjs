/**
 * What both processes of the measurement share: a count of the messages that were written and read here, and answers to a parent
 * that asks for these and for the memory.
 */
import { TestServiceDefinition } from '../../dist/generated/test/v1/test.js';
import { Pace } from './pace.mjs';

export { TestServiceDefinition };

/** Bytes of payload since the last `begin`. */
export const count = { written: 0, read: 0 };

/** Messages of `size` bytes for `bytes` in all, or until `isStopped` says so. */
export async function* write(bytes, size, isStopped = () => false) {
  const payload = new Uint8Array(size).fill(7);
  while (count.written < bytes && !isStopped()) {
    count.written += size;
    yield { payload };
  }
}

/** Reads all of it, at that pace. */
export async function read(messages, messageMs) {
  const pace = new Pace(messageMs);
  for await (const { payload } of messages) {
    count.read += payload.length;
    const pause = pace.afterMessage();
    if (pause !== undefined) await pause;
  }
}

/** `commands`: by name, what the parent may ask for besides; their results go back. */
export function answerParent(commands) {
  process.on('message', async ({ id, ask, ...parameters }) => {
    const answer =
      ask === 'sample'
        ? { ...count, ...process.memoryUsage(), cpu: process.cpuUsage() }
        : await commands[ask](parameters);
    process.send({ id, answer });
  });
}
