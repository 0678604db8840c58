import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
import { ReceiveMemory } from '../../../../src/transport/stream/receive-memory.js';
import fc from 'fast-check';
import { ReceiveBuffer } from '../../../../src/transport/stream/receive-buffer.js';
import { concat, pattern } from '../../../support/stream-packet.js';

function readAll(buffer: ReceiveBuffer): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let piece = buffer.read(); piece !== undefined; piece = buffer.read()) pieces.push(piece);
  return concat(pieces);
}

/** As it comes off the network: a view of a datagram of `datagramBytes`. */
function viewOf(bytes: Uint8Array, datagramBytes: number): Uint8Array {
  const datagram = new Uint8Array(datagramBytes);
  datagram.set(bytes, 7);
  return datagram.subarray(7, 7 + bytes.length);
}

function receiveBuffer(budget = new BufferBudget()): ReceiveBuffer {
  return new ReceiveBuffer(new ReceiveMemory(budget, MAX_PIECES));
}

const MAX_PIECES = 1_000;

describe('ReceiveBuffer', () => {
  test('what comes in order is handed out as the same memory', () => {
    const buffer = receiveBuffer();
    const first = pattern(10);
    const second = pattern(20, 5);
    buffer.insert(0, first, MAX_PIECES);
    buffer.insert(10, second, MAX_PIECES);
    expect(buffer.read()).toBe(first);
    expect(buffer.read()).toBe(second);
    expect(buffer.read()).toBeUndefined();
    expect([buffer.readOffset, buffer.readyEnd, buffer.hasReady]).toEqual([30, 30, false]);
  });

  test('of a large datagram the greater part is handed out as it is, and others live on without it', () => {
    const datagram = pattern(60_000);
    const kept = datagram.slice();
    const [major, minor, early] = [receiveBuffer(), receiveBuffer(), receiveBuffer()];
    const great = datagram.subarray(0, 31_000);
    major.insert(0, great, MAX_PIECES);
    minor.insert(0, datagram.subarray(31_000, 50_000), MAX_PIECES);
    early.insert(10, datagram.subarray(50_000), MAX_PIECES);
    expect(major.read()).toBe(great);
    structuredClone(0, { transfer: [datagram.buffer as ArrayBuffer] });
    expect(minor.read()).toEqual(kept.subarray(31_000, 50_000));
    early.insert(0, pattern(10), MAX_PIECES);
    expect(readAll(early).subarray(10)).toEqual(kept.subarray(50_000));
  });

  test('of a large piece that is cut by what came before only the greater part stays a view', () => {
    const datagram = pattern(60_000);
    const whole = pattern(60_000);
    const buffer = receiveBuffer();
    buffer.insert(40_000, whole.slice(40_000, 41_000), MAX_PIECES);
    buffer.insert(0, datagram, MAX_PIECES);
    const first = buffer.read();
    expect(first).toEqual(whole.subarray(0, 40_000));
    expect(first?.buffer).toBe(datagram.buffer);
    structuredClone(0, { transfer: [datagram.buffer as ArrayBuffer] });
    expect(readAll(buffer)).toEqual(whole.subarray(40_000));
  });

  test('what comes early waits for what is missing', () => {
    const buffer = receiveBuffer();
    const whole = pattern(100);
    buffer.insert(60, whole.subarray(60), MAX_PIECES);
    buffer.insert(20, whole.subarray(20, 40), MAX_PIECES);
    expect([buffer.hasReady, buffer.earlyCount]).toEqual([false, 2]);
    buffer.insert(0, whole.subarray(0, 20), MAX_PIECES);
    expect([buffer.readyEnd, buffer.earlyCount]).toEqual([40, 1]);
    buffer.insert(40, whole.subarray(40, 60), MAX_PIECES);
    expect(buffer.earlyCount).toBe(0);
    expect(readAll(buffer)).toEqual(whole);
  });

  test('[STR-4] the first bytes at an offset stay', () => {
    const buffer = receiveBuffer();
    buffer.insert(4, Uint8Array.of(4, 5), MAX_PIECES);
    buffer.insert(0, Uint8Array.of(10, 11, 12, 13, 14, 15, 16, 17), MAX_PIECES);
    buffer.insert(0, new Uint8Array(9).fill(99), MAX_PIECES);
    expect([...readAll(buffer)]).toEqual([10, 11, 12, 13, 4, 5, 16, 17, 99]);
  });

  test('a frame over many gaps fills them all', () => {
    const buffer = receiveBuffer();
    const whole = pattern(100);
    for (let i = 1; i < 100; i += 2) buffer.insert(i, whole.subarray(i, i + 1), MAX_PIECES);
    expect(buffer.earlyCount).toBe(50);
    buffer.insert(0, whole, MAX_PIECES);
    expect(buffer.earlyCount).toBe(0);
    expect(readAll(buffer)).toEqual(whole);
  });

  test('single bytes that nobody reads do not hold the datagrams they came in', () => {
    const buffer = receiveBuffer();
    const whole = pattern(1_000);
    for (let i = 0; i < 1_000; i++) buffer.insert(i, viewOf(whole.subarray(i, i + 1), 1_200), MAX_PIECES);
    const pieces: Uint8Array[] = [];
    for (let piece = buffer.read(); piece !== undefined; piece = buffer.read()) pieces.push(piece);
    const memory = new Set(pieces.map((piece) => piece.buffer));
    expect([...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(
      6 * 1_200 + 2 * 1_000,
    );
    expect(concat(pieces)).toEqual(whole);
  });

  test('single bytes behind a gap do not hold the datagrams they came in', () => {
    const buffer = receiveBuffer();
    const whole = pattern(1_000);
    for (let i = 1; i < 1_000; i++) buffer.insert(i, viewOf(whole.subarray(i, i + 1), 1_200), MAX_PIECES);
    expect(buffer.earlyCount).toBe(1);
    buffer.insert(0, whole.subarray(0, 1), MAX_PIECES);
    const pieces: Uint8Array[] = [];
    for (let piece = buffer.read(); piece !== undefined; piece = buffer.read()) pieces.push(piece);
    const memory = new Set(pieces.map((piece) => piece.buffer));
    expect([...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(3_200);
    expect(concat(pieces)).toEqual(whole);
  });

  test('bytes handed out do not change when more arrive', () => {
    const buffer = receiveBuffer();
    const whole = pattern(200);
    const handedOut: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      buffer.insert(i, viewOf(whole.subarray(i, i + 1), 1_200), MAX_PIECES);
      if (i % 20 === 19) for (let p = buffer.read(); p !== undefined; p = buffer.read()) handedOut.push(p);
    }
    expect(concat(handedOut)).toEqual(whole);
  });

  test('bytes are never added to the memory of a datagram, nor to a piece that was handed out', () => {
    const buffer = receiveBuffer();
    const datagram = new Uint8Array(1_200);
    for (let i = 0; i < 6; i++) buffer.insert(i, datagram.subarray(i, i + 1), MAX_PIECES);
    buffer.insert(8, datagram.subarray(100, 700), MAX_PIECES);
    buffer.insert(608, viewOf(pattern(1, 77), 1_200), MAX_PIECES);
    expect(new Set(datagram)).toEqual(new Set([0]));
    expect(readAll(buffer)).toHaveLength(6);
    buffer.insert(6, viewOf(pattern(2, 5), 1_200), MAX_PIECES);
    expect(readAll(buffer)).toEqual(concat([pattern(2, 5), new Uint8Array(600), pattern(1, 77)]));
  });

  test('a large piece is handed out as it came, also with small ones behind it', () => {
    const buffer = receiveBuffer();
    const large = viewOf(pattern(1_100), 1_200);
    buffer.insert(1, large, MAX_PIECES);
    for (let i = 0; i < 10; i++) buffer.insert(1_101 + i, viewOf(pattern(1, i), 1_200), MAX_PIECES);
    buffer.insert(0, pattern(1), MAX_PIECES);
    expect(buffer.read()).toHaveLength(1);
    expect(buffer.read()?.buffer === large.buffer).toBe(true);
    expect(readAll(buffer)).toHaveLength(10);
  });

  test('after clear there is nothing', () => {
    const buffer = receiveBuffer();
    buffer.insert(0, pattern(10), MAX_PIECES);
    buffer.insert(20, pattern(10), MAX_PIECES);
    buffer.clear();
    expect([buffer.read(), buffer.hasReady, buffer.earlyCount]).toEqual([undefined, false, 0]);
  });

  test('pieces in any order, overlapping and twice, give the bytes in order', () => {
    const length = 400;
    const piece = fc.record({
      start: fc.nat(length - 1),
      length: fc.nat(60),
      datagram: fc.constantFrom(0, 1_200),
      thenRead: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => {
        const budget = new BufferBudget();
        const buffer = receiveBuffer(budget);
        const whole = pattern(length);
        const arrived = new Set<number>();
        const read: Uint8Array[] = [];
        for (const { start, length: size, datagram, thenRead } of pieces) {
          const bytes = whole.subarray(start, start + size);
          buffer.insert(start, datagram === 0 ? bytes.slice() : viewOf(bytes, datagram), MAX_PIECES);
          for (let i = start; i < start + bytes.length; i++) arrived.add(i);
          if (thenRead) read.push(readAll(buffer));
          let readyEnd = 0;
          while (arrived.has(readyEnd)) readyEnd++;
          let gaps = 0;
          for (let i = readyEnd; i < length; i++) if (arrived.has(i) && !arrived.has(i - 1)) gaps++;
          expect(buffer.readyEnd).toBe(readyEnd);
          expect(buffer.earlyCount).toBeGreaterThanOrEqual(gaps);
          expect(budget.usedBytes > 0).toBe(buffer.hasReady || gaps > 0);
        }
        read.push(readAll(buffer));
        expect(concat(read)).toEqual(whole.slice(0, buffer.readyEnd));
        buffer.clear();
        expect(budget.usedBytes).toBe(0);
      }),
    );
  });
});
