/**
 * Many callers of the test service on one channel, each with one call in flight all the while, whatever comes of it: what may
 * run twice and what may not, small and large, quick and slow, with a key of its own for each call. Keeps what every call
 * ended with and when, for whoever judges it afterwards.
 */
import { performance } from 'node:perf_hooks';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { type Channel, createClient, RpcError } from '../../src/index.js';

export type CallKind = 'echo' | 'put' | 'add';

export interface LoadedCall {
  readonly key: string;
  readonly kind: CallKind;
  /** Milliseconds of the Unix epoch. */
  readonly startedAt: number;
  readonly timeoutMs: number;
  /** NaN while it is in flight. */
  settledAt: number;
  /** Undefined for OK. */
  error: RpcError | undefined;
}

export class CallLoad {
  /** All that were ever begun, in order. */
  readonly calls: LoadedCall[] = [];
  readonly #client;
  readonly #inFlight = new Set<LoadedCall>();
  readonly #callers: Promise<void>[];
  #isStopped = false;
  readonly #watchers = new Set<(call: LoadedCall) => void>();

  constructor(channel: Channel, callers: number) {
    this.#client = createClient(TestServiceDefinition, channel);
    this.#callers = Array.from({ length: callers }, (_, index) => this.#runCaller(index));
  }

  get inFlight(): readonly LoadedCall[] {
    return [...this.#inFlight];
  }

  /** Resolves when `isTrue`, which is asked of each call that has ended from now on. */
  until(isTrue: (call: LoadedCall) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (call: LoadedCall): void => {
        if (!isTrue(call)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  /** Resolves when the calls in flight have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#callers);
  }

  async #runCaller(index: number): Promise<void> {
    const kind = KINDS[index % KINDS.length] ?? 'echo';
    // Every kind both ways.
    const waitForReady = index % 2 === 0;
    for (let turn = 0; !this.#isStopped; turn++) {
      const timeoutMs = pick(TIMEOUTS_MS, index + turn);
      const key = `${kind}-${index}-${turn}`;
      const call = { key, kind, startedAt: now(), timeoutMs, settledAt: NaN, error: undefined };
      const isLarge = (index + turn) % LARGE_EVERY === 0;
      await this.#run(call, pick(DELAYS_MS, (index >> 1) + turn), isLarge, waitForReady);
      for (const look of [...this.#watchers]) look(call);
    }
  }

  async #run(call: LoadedCall, delayMs: number, isLarge: boolean, waitForReady: boolean): Promise<void> {
    this.calls.push(call);
    this.#inFlight.add(call);
    const key = isLarge ? call.key.padEnd(LARGE_BYTES, '.') : call.key;
    const options = { timeoutMs: call.timeoutMs, waitForReady };
    try {
      if (call.kind === 'echo') await this.#client.echo({ payload: Buffer.from(key), delayMs }, options);
      else if (call.kind === 'put') await this.#client.put({ key, value: delayMs }, options);
      else await this.#client.add({ key, amount: delayMs }, options);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      call.error = error;
    }
    call.settledAt = now();
    this.#inFlight.delete(call);
  }
}

/** Milliseconds of the Unix epoch, but finer than Date.now and never set back. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function pick(values: readonly number[], index: number): number {
  return values[index % values.length] ?? 0;
}

export const KINDS: readonly CallKind[] = ['echo', 'put', 'add'];
/** Some end while the server is away, some outlive that. */
const TIMEOUTS_MS = [300, 900, 2_000];
/** Of handlers: some are running whenever one looks, some have answered. */
const DELAYS_MS = [0, 3, 0, 20, 60];
/** A prime beside the numbers above, so that all combinations occur. */
const LARGE_EVERY = 11;
/** Takes several datagrams where they are small, and a while on its way. */
const LARGE_BYTES = 40_000;
