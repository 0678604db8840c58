import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
import fc from 'fast-check';
import { ChunkPool } from '../../../../src/transport/stream/chunk-pool.js';
import { SendBuffer } from '../../../../src/transport/stream/send-buffer.js';
import { pattern } from '../../../support/stream-packet.js';

function readOf(buffer: SendBuffer, offset: number, length: number): Uint8Array {
  const target = new Uint8Array(length + 2);
  buffer.copyTo(target, 1, offset, length);
  expect([target[0], target[length + 1]]).toEqual([0, 0]);
  return target.subarray(1, length + 1);
}

describe('SendBuffer', () => {
  test('keeps what was written when the writer reuses its array', () => {
    const buffer = new SendBuffer(new ChunkPool(new BufferBudget()));
    const array = pattern(100);
    buffer.append([array], 100);
    array.fill(0);
    expect(readOf(buffer, 0, 100)).toEqual(pattern(100));
  });

  test('takes the first bytes of several pieces', () => {
    const buffer = new SendBuffer(new ChunkPool(new BufferBudget()));
    const whole = pattern(300);
    buffer.append(
      [whole.subarray(0, 90), new Uint8Array(0), whole.subarray(90, 200), whole.subarray(200)],
      250,
    );
    expect(buffer.end).toBe(250);
    expect(readOf(buffer, 0, 250)).toEqual(whole.subarray(0, 250));
  });

  test('a small write takes a small chunk, and gives it back when it is acknowledged', () => {
    const pool = new ChunkPool(new BufferBudget());
    const buffer = new SendBuffer(pool);
    buffer.append([pattern(100)], 100);
    expect(pool.usedBytes).toBe(256);
    expect(buffer.releaseTo(99)).toBe(99);
    expect([pool.usedBytes, buffer.heldBytes]).toEqual([256, 1]);
    expect(buffer.releaseTo(100)).toBe(1);
    expect([pool.usedBytes, buffer.heldBytes]).toEqual([0, 0]);
  });

  test('many small writes do not make many small chunks', () => {
    const pool = new ChunkPool(new BufferBudget());
    const buffer = new SendBuffer(pool);
    for (let i = 0; i < 10_000; i++) buffer.append([pattern(10)], 10);
    expect(pool.usedBytes).toBeLessThan(2 * 100_000);
    expect(buffer.heldBytes).toBe(100_000);
  });

  test('goes on behind what was let go', () => {
    const buffer = new SendBuffer(new ChunkPool(new BufferBudget()));
    buffer.append([pattern(100)], 100);
    buffer.releaseTo(100);
    buffer.append([pattern(50, 7)], 50);
    expect([buffer.base, buffer.end]).toEqual([100, 150]);
    expect(readOf(buffer, 100, 50)).toEqual(pattern(50, 7));
  });

  test('does not read on in a chunk that was given back and belongs to another stream now', () => {
    const pool = new ChunkPool(new BufferBudget());
    const [first, second] = [new SendBuffer(pool), new SendBuffer(pool)];
    first.append([pattern(256)], 256);
    readOf(first, 0, 256);
    first.releaseTo(256);
    second.append([pattern(256, 9)], 256);
    first.append([pattern(256, 5)], 256);
    expect(readOf(first, 256, 256)).toEqual(pattern(256, 5));
    expect(readOf(second, 0, 256)).toEqual(pattern(256, 9));
  });

  test('any order of writes, reads and releases gives back the bytes of their place', () => {
    const share = fc.nat(100).map((percent) => percent / 100);
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 0, max: 100_000 }) }),
      fc.record({ kind: fc.constant('read' as const), from: share }),
      fc.record({ kind: fc.constant('release' as const), to: share }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const pool = new ChunkPool(new BufferBudget());
        const buffer = new SendBuffer(pool);
        const all = pattern(3_000_000);
        for (const op of operations) {
          const { base, heldBytes: held, end } = buffer;
          if (op.kind === 'write') {
            buffer.append([all.subarray(end, end + op.length)], op.length);
          } else if (op.kind === 'read') {
            const offset = base + Math.floor(held * op.from);
            const length = Math.min(end - offset, 65_000);
            const isSame =
              Buffer.compare(readOf(buffer, offset, length), all.subarray(offset, offset + length)) === 0;
            expect(isSame).toBe(true);
          } else {
            buffer.releaseTo(base + Math.floor(held * op.to));
          }
          expect(pool.usedBytes).toBeLessThanOrEqual(4 * buffer.heldBytes + 2 * 65_536);
        }
        buffer.clear();
        expect(pool.usedBytes).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
