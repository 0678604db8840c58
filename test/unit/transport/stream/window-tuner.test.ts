import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
import { type StreamSet } from '../../../../src/transport/stream/stream-set.js';
import { type SentFrame } from '../../../../src/transport/recovery/sent-packet.js';
import { packetOf } from '../../../support/stream-packet.js';
import { readAll, streamPair, type StreamPairOptions } from '../../../support/stream-pair.js';

const MIB = 1 << 20;
const RTT = 100;

/** A server on a path of `RTT`, and what it has told its peer. */
function server(options: StreamPairOptions = {}): { set: StreamSet; limitOf: (now: number) => number[] } {
  const { server: set } = streamPair({ path: { smoothedRttMs: RTT, congestionWindow: 1 }, ...options });
  const limitOf = (now: number): number[] =>
    packetOf(set, 1_200, true, now).frames.flatMap((frame: SentFrame) =>
      frame.kind === 'maxStreamData' ? [frame.limit] : [],
    );
  return { set, limitOf };
}

/** The peer sends half of a MiB at a time, one each `everyMs`; returns the window behind each limit. */
function windowsOf(everyMs: number, options: StreamPairOptions = {}, unreadBytes = 0): number[] {
  const { set, limitOf } = server(options);
  const windows: number[] = [];
  const piece = new Uint8Array(MIB / 2);
  let read = 0;
  let offset = 0;
  if (unreadBytes > 0) {
    // What is not read lies behind all that is: a reader that never gets to the end.
    set.onStreamFrame(0, offset, new Uint8Array(unreadBytes), false, false);
    offset += unreadBytes;
  }
  for (let i = 0; i < 200; i++) {
    set.onStreamFrame(0, offset, piece, false, false);
    offset += piece.length;
    while (offset - read > unreadBytes) {
      const taken = set.read(0);
      if (!(taken instanceof Uint8Array)) break;
      read += taken.length;
    }
    for (const limit of limitOf(1_000 + i * everyMs)) windows.push(limit - read);
  }
  return windows;
}

describe('a receive window', () => {
  test('[FLC-7] that is turned over in less than four round trips doubles, up to its maximum', () => {
    // Half a MiB each 0.4 round trips: 1 MiB in 0.8, 4 MiB in 3.2, 8 MiB in 6.4.
    expect(Math.max(...windowsOf(0.4 * RTT))).toBe(8 * MIB);
    // Each in a hundredth: 16 MiB in 0.32.
    expect(Math.max(...windowsOf(0.01 * RTT))).toBe(16 * MIB);
    expect(Math.max(...windowsOf(0.01 * RTT, { server: { maxStreamWindow: 3 * MIB } }))).toBe(3 * MIB);
  });

  test('[FLC-7] that is turned over more slowly stays as it was', () => {
    expect(new Set(windowsOf(2.1 * RTT))).toEqual(new Set([MIB]));
  });

  test('[FLC-7] whose reader leaves more than a quarter unread stays as it was, however long the path', () => {
    const path = { smoothedRttMs: 10_000, congestionWindow: 1 };
    expect(Math.max(...windowsOf(RTT, { path }, MIB / 2))).toBeLessThanOrEqual(MIB);
    expect(Math.max(...windowsOf(RTT, { path }, 1_000))).toBe(16 * MIB);
  });

  test('never grows before the round trip is known', () => {
    const path = { smoothedRttMs: undefined, congestionWindow: 1 };
    expect(new Set(windowsOf(0.01, { path }))).toEqual(new Set([MIB]));
  });

  test('does not grow while half of the memory of the process is taken', () => {
    const budget = new BufferBudget(64 * MIB);
    budget.hold(32 * MIB);
    expect(new Set(windowsOf(0.01, { budget }))).toEqual(new Set([MIB]));
  });

  test('never shrinks', () => {
    const { set, limitOf } = server();
    let limit = 0;
    let offset = 0;
    for (let i = 0; i < 400; i++) {
      set.onStreamFrame(0, offset, new Uint8Array(MIB / 4), false, false);
      offset += MIB / 4;
      readAll(set, 0);
      // Fast at first, then slow.
      for (const next of limitOf(i < 200 ? i : i * 10 * RTT)) {
        expect(next).toBeGreaterThan(limit);
        limit = next;
      }
    }
    expect(limit - offset).toBeGreaterThan(8 * MIB);
  });

  test('[FLC-7] of the connection is one and a half times the largest of its streams', () => {
    const { set } = server({ server: { connectionWindow: 1.5 * MIB } });
    let connectionLimit = 0;
    let streamLimit = 0;
    let offset = 0;
    for (let i = 0; i < 200; i++) {
      set.onStreamFrame(0, offset, new Uint8Array(MIB / 4), false, false);
      offset += MIB / 4;
      readAll(set, 0);
      for (const frame of [
        ...packetOf(set, 1_200, true, i).frames,
        ...packetOf(set, 1_200, true, i).frames,
      ]) {
        if (frame.kind === 'maxData') connectionLimit = frame.limit;
        if (frame.kind === 'maxStreamData') streamLimit = frame.limit;
      }
    }
    expect(streamLimit - offset).toBeGreaterThan(8 * MIB);
    expect(connectionLimit - offset).toBeGreaterThan(12 * MIB);
  });
});

describe('while the memory of the process is taken', () => {
  test('[FLC-3] a limit is raised only for the last 32 KiB, and as far as always when there is room again', () => {
    const budget = new BufferBudget(MIB);
    const { set, limitOf } = server({ budget });
    set.onStreamFrame(0, 0, new Uint8Array(MIB / 2), false, false);
    budget.hold(MIB);
    expect(readAll(set, 0).bytes).toHaveLength(MIB / 2);
    expect([limitOf(0), set.hasFramesToSend]).toEqual([[], false]);
    set.onStreamFrame(0, MIB / 2, new Uint8Array(MIB / 2 - 40_000), false, false);
    readAll(set, 0);
    expect(limitOf(0)).toEqual([]);
    set.onStreamFrame(0, MIB - 40_000, new Uint8Array(40_000), false, false);
    readAll(set, 0);
    expect(limitOf(0)).toEqual([MIB + 65_536]);
    budget.release(MIB);
    expect(limitOf(0)).toEqual([2 * MIB]);
  });

  test('a limit that was lost is told again', () => {
    const budget = new BufferBudget(MIB);
    const { set, limitOf } = server({ budget });
    set.onStreamFrame(0, 0, new Uint8Array(MIB / 2), false, false);
    readAll(set, 0);
    const [limit] = limitOf(0);
    budget.hold(MIB);
    set.onLost({ kind: 'maxStreamData', streamId: 0, limit: limit ?? 0 });
    expect(limitOf(0)).toEqual([limit]);
  });

  test('who waits for it is told when another connection frees it', () => {
    const budget = new BufferBudget(MIB);
    const { set, limitOf } = server({ budget });
    set.onStreamFrame(0, 0, new Uint8Array(MIB / 2), false, false);
    budget.hold(MIB);
    readAll(set, 0);
    expect(limitOf(0)).toEqual([]);
    budget.release(MIB);
    expect(set.hasFramesToSend).toBe(true);
    expect(limitOf(0)).toEqual([1.5 * MIB]);
  });
});
