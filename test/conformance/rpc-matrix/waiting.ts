/**
 * How the cases of the matrix wait: for something to have happened in the world's own time, and, inside of a handler or
 * a request, until the case goes on or the call is over.
 */
import { type RpcError } from '../../../src/rpc/rpc-error.js';
import { endOf, type RunningCall } from './four-kinds.js';
import { type RpcHarness } from './harness.js';

/** Lets the world go on until this holds; fails, naming it, when it does not come to hold. */
export function until(harness: RpcHarness, what: string, holds: () => boolean): Promise<void> {
  const { clock } = harness.environment;
  const giveUpAt = clock.now() + PATIENCE_MS;
  return harness.settle(
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (holds()) resolve();
        else if (clock.now() > giveUpAt) reject(new Error(`within ${PATIENCE_MS} ms not: ${what}`));
        else clock.setTimer(look, 1);
      };
      look();
    }),
  );
}

/** Lets time pass until a number that has been growing does not grow any more; what it is then. */
export async function steadyValueOf(harness: RpcHarness, read: () => number): Promise<number> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const before = read();
    await harness.pass(LOOK_EVERY_MS);
    if (read() === before) return before;
  }
  throw new Error(`still growing after ${MAX_LOOKS} times ${LOOK_EVERY_MS} ms: ${read()}`);
}

/** Settles with the error that the call ends with. */
export async function failure(harness: RpcHarness, call: Promise<unknown> | RunningCall): Promise<RpcError> {
  const error = await harness.settle('ended' in call ? call.ended : endOf(call));
  if (error === undefined) throw new Error('the call did not fail');
  return error;
}

/** Whoever passes it waits until it is opened, for as long as the call runs for which he does. */
export class Gate {
  readonly #waiting = new Set<() => void>();
  #isOpen = false;

  open(): void {
    this.#isOpen = true;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Rejects, with the signal's reason, when the call is over before. Without a signal only its opening ends it. */
  pass(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal?.reason as Error);
      };
      if (this.#isOpen) resolve();
      else if (signal?.aborted === true) onAbort();
      this.#waiting.add(resolve);
      signal?.addEventListener('abort', onAbort);
    });
  }
}

/** Longer than any pause of a sender that has room, with all its timeouts on a link that loses 10 %. */
const LOOK_EVERY_MS = 2_000;
const MAX_LOOKS = 50;

/** In the world's time, so on real sockets within the case's. */
const PATIENCE_MS = 20_000;
