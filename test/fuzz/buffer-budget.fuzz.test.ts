/**
 * Several connections of one process, client and server in it, that share much less memory than they could use; bulk in
 * both directions; readers that read now and then, or not at all until the end. A connection is looked at only when
 * something happened on it or the budget called it, as a driver does. What must hold at every step: no more is held
 * than the budget and what each may always hold. At the end: everything has arrived, so nobody waited in vain.
 */
import fc from 'fast-check';
import { BufferBudget } from '../../src/transport/stream/buffer-budget.js';
import { type StreamSet } from '../../src/transport/stream/stream-set.js';
import { openOf, settle, type StreamPair, streamPair } from '../support/stream-pair.js';

const CONNECTIONS = 4;
const STREAMS = 3;
const STREAM_BYTES = 400_000;
const BUDGET_BYTES = 300_000;
const WINDOW = 128 << 10;
/** Of a connection, each in both directions: what was granted before memory was short, and 64 KiB of writes, in chunks. */
const ALWAYS_BYTES = 2 * (WINDOW + 2 * (64 << 10));

class Half {
  readonly set: StreamSet;
  readonly id: number;
  written = 0;
  read = 0;
  mayWrite = true;
  hasEnded = false;

  constructor(set: StreamSet, id: number) {
    this.set = set;
    this.id = id;
  }

  write(bytes: number): void {
    if (!this.mayWrite || this.written === STREAM_BYTES) return;
    const count = Math.min(bytes, STREAM_BYTES - this.written);
    const fin = this.written + count === STREAM_BYTES;
    const taken = this.set.write(this.id, [PIECE.subarray(0, count)], fin);
    this.written += taken;
    this.mayWrite = taken === count;
  }

  readAll(): void {
    for (let got = this.set.read(this.id); got !== undefined; got = this.set.read(this.id)) {
      if (got === 'end') this.hasEnded = true;
      else this.read += got.length;
    }
  }
}

const PIECE = new Uint8Array(STREAM_BYTES);

class Process {
  readonly budget = new BufferBudget(BUDGET_BYTES);
  readonly halves: Half[][] = [];
  largest = 0;
  private readonly pairs: StreamPair[] = [];
  private readonly dirty = new Set<number>();

  constructor() {
    const limits = { streamWindow: WINDOW, connectionWindow: WINDOW };
    for (let index = 0; index < CONNECTIONS; index++) {
      const onBufferRoom = (): void => {
        this.dirty.add(index);
      };
      const pair = streamPair({ budget: this.budget, client: limits, server: limits, onBufferRoom });
      const ids = Array.from({ length: STREAMS }, () => openOf(pair.client));
      // So that the server knows them.
      for (const id of ids) pair.client.write(id, [PIECE.subarray(0, 1)], false);
      settle(pair);
      const halves = ids.flatMap((id) => [new Half(pair.client, id), new Half(pair.server, id)]);
      for (const half of halves) if (half.set === pair.client) half.written = 1;
      this.pairs.push(pair);
      this.halves.push(halves);
    }
  }

  act(index: number, stream: number, act: (half: Half) => void): void {
    const half = this.halves[index]?.[stream];
    if (half === undefined) return;
    act(half);
    this.dirty.add(index);
  }

  /** Sends and tells everything that there is to send and to tell on connections where something happened. */
  run(): void {
    for (const index of this.dirty) {
      this.dirty.delete(index);
      const pair = this.pairs[index] as StreamPair;
      settle(pair, 8_000);
      for (const [set, events] of [
        [pair.client, pair.clientEvents],
        [pair.server, pair.serverEvents],
      ] as const) {
        for (const event of events.splice(0)) {
          if (event.kind !== 'streamWritable') continue;
          const half = this.halves[index]?.find((one) => one.set === set && one.id === event.streamId);
          if (half !== undefined) half.mayWrite = true;
        }
      }
    }
    this.largest = Math.max(this.largest, this.budget.usedBytes);
  }

  /** Every application goes on until it has nothing to do; nobody is looked at without a reason. */
  finish(): void {
    this.halves.forEach((halves, index) => {
      halves.forEach((_, stream) => {
        this.act(index, stream, (half) => {
          half.readAll();
        });
      });
    });
    for (let round = 0; round < 10_000; round++) {
      this.run();
      let hasMoved = this.dirty.size > 0;
      this.halves.forEach((halves, index) => {
        halves.forEach((half, stream) => {
          const before = half.written + half.read;
          half.write(STREAM_BYTES);
          half.readAll();
          if (half.written + half.read === before) return;
          hasMoved = true;
          this.act(index, stream, () => undefined);
        });
      });
      if (!hasMoved) return;
    }
    throw new Error('no rest');
  }
}

type Operation =
  | { readonly kind: 'write'; readonly connection: number; readonly stream: number; readonly bytes: number }
  | { readonly kind: 'read'; readonly connection: number; readonly stream: number }
  | { readonly kind: 'run' };

const connection = fc.nat(CONNECTIONS - 1);
const stream = fc.nat(2 * STREAMS - 1);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      connection,
      stream,
      bytes: fc.integer({ min: 1, max: STREAM_BYTES }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), connection, stream }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run' as const) }) },
);

describe('connections that share too little memory', () => {
  test('stay within it, wait, and all come to their end', () => {
    let largest = 0;
    fc.assert(
      fc.property(fc.array(operation, { minLength: 20, maxLength: 120, size: 'max' }), (operations) => {
        const process = new Process();
        for (const step of operations) {
          if (step.kind === 'run') process.run();
          else if (step.kind === 'read') {
            process.act(step.connection, step.stream, (half) => {
              half.readAll();
            });
          } else {
            process.act(step.connection, step.stream, (half) => {
              half.write(step.bytes);
            });
          }
          process.largest = Math.max(process.largest, process.budget.usedBytes);
        }
        process.finish();
        for (const half of process.halves.flat()) {
          expect([half.written, half.read, half.hasEnded]).toEqual([STREAM_BYTES, STREAM_BYTES, true]);
        }
        expect(process.largest).toBeLessThan(BUDGET_BYTES + CONNECTIONS * ALWAYS_BYTES);
        expect(process.budget.usedBytes).toBe(0);
        largest = Math.max(largest, process.largest);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 30) },
    );
    // Else nobody ever had to wait.
    expect(largest).toBeGreaterThan(BUDGET_BYTES);
  }, 600_000);
});
