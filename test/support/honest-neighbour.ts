/** An honest client beside an attack, and what is held meanwhile: attack, server and it are in this process, or the attack is in another. */
import { performance } from 'node:perf_hooks';
import { collectGarbage } from './collect-garbage.js';
import { connectTo } from './tls-fixture.js';

export interface Beside {
  /** The most. */
  readonly heldBytes: number;
  /** Of its calls, in milliseconds, all of which were answered. */
  readonly times: readonly number[];
}

/** Bytes that somebody in this process holds. */
export function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Calls one after the other until `attack` is over. Rejects when one is not answered in time. `look`: after each of them.
 * `lookMs`: how often memory is looked at, by a collection that holds up everything for up to a second in a large process.
 */
export async function beside(
  port: number,
  attack: Promise<unknown>,
  look: () => void = () => undefined,
  lookMs = LOOK_MS,
): Promise<Beside> {
  const { channel, client } = connectTo(port, {});
  const payload = Uint8Array.of(1, 2, 3);
  const times: number[] = [];
  let mostBytes = 0;
  let lookAt = 0;
  const progress = { isOver: false };
  const over = attack.finally(() => (progress.isOver = true));
  while (!progress.isOver) {
    const startedAt = performance.now();
    await client.echo({ payload }, { retry: false, timeoutMs: TIMEOUT_MS });
    times.push(performance.now() - startedAt);
    look();
    if (performance.now() < lookAt) continue;
    mostBytes = Math.max(mostBytes, heldBytes());
    lookAt = performance.now() + lookMs;
  }
  await over;
  await channel.close();
  return { heldBytes: mostBytes, times };
}

/** As a figure to be printed. */
export function besideText({ times }: Beside): string {
  return `${times.length} honest calls answered, the slowest after ${Math.max(...times).toFixed(0)} ms`;
}

const TIMEOUT_MS = 2_000;
const LOOK_MS = 1_000;
