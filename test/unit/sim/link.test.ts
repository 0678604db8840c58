import {
  CLEAN_LINK,
  type Datagram,
  type LinkFate,
  Link,
  type LinkConditions,
} from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';

interface Passage {
  readonly arrivals: { at: number; number: number; bytes: Uint8Array }[];
  readonly fates: Partial<Record<LinkFate, number>>;
}

/** Sends `count` datagrams that carry their number, `everyMs` apart. */
function pass(conditions: Partial<LinkConditions>, count: number, everyMs = 1, size = 100): Passage {
  const clock = new VirtualClock();
  const arrivals: Passage['arrivals'] = [];
  const fates: Passage['fates'] = {};
  const link = new Link(
    clock,
    new SeededRandom(1),
    { ...CLEAN_LINK, ...conditions },
    (fate) => {
      fates[fate] = (fates[fate] ?? 0) + 1;
    },
    (datagram) => {
      const number = new DataView(datagram.bytes.buffer).byteLength >= 4 ? numberOf(datagram.bytes) : -1;
      arrivals.push({ at: clock.now(), number, bytes: datagram.bytes });
    },
  );
  for (let number = 0; number < count; number++) {
    clock.setTimer(() => {
      link.send(datagramOf(number, size));
    }, number * everyMs);
  }
  clock.run(count * everyMs + 1e7);
  return { arrivals, fates };
}

function datagramOf(number: number, size: number): Datagram {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, number);
  return { from: { ip: '10.0.0.1', port: 1 }, to: { ip: '10.0.0.2', port: 2 }, bytes };
}

function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

describe('Link', () => {
  test('a clean link delivers everything unchanged, in order, after its delay', () => {
    const { arrivals, fates } = pass({ delayMs: 30 }, 50, 2);
    expect(arrivals.map(({ number }) => number)).toEqual(upTo(50));
    expect(arrivals.map(({ at }) => at)).toEqual(upTo(50).map((number) => number * 2 + 30));
    expect(fates).toEqual({ delivered: 50 });
  });

  test('loss is as likely as it says', () => {
    const { arrivals, fates } = pass({ lossRate: 0.1 }, 5_000);
    expect(Math.abs((fates.lost ?? 0) - 500)).toBeLessThan(80);
    expect(arrivals).toHaveLength(5_000 - (fates.lost ?? 0));
  });

  test('a burst takes exactly as many datagrams in a row', () => {
    const { arrivals } = pass({ burstRate: 0.01, burstLength: 4 }, 3_000);
    const gaps: number[] = [];
    arrivals.forEach(({ number }, index) => {
      const gap = number - (arrivals[index - 1]?.number ?? -1) - 1;
      if (gap > 0) gaps.push(gap);
    });
    expect(gaps.length).toBeGreaterThan(10);
    expect(gaps.filter((gap) => gap < 4)).toEqual([]);
    expect(gaps.filter((gap) => gap === 4).length).toBeGreaterThan(10);
  });

  test('a burst ends when bursts do', () => {
    const clock = new VirtualClock();
    let arrived = 0;
    const conditions = { ...CLEAN_LINK, burstRate: 1, burstLength: 10 };
    const link = new Link(
      clock,
      new SeededRandom(1),
      conditions,
      () => undefined,
      () => arrived++,
    );
    link.send(datagramOf(1, 10));
    link.conditions = CLEAN_LINK;
    link.send(datagramOf(2, 10));
    clock.run(100);
    expect(arrived).toBe(1);
  });

  test('nothing passes in a blackout', () => {
    const { arrivals, fates } = pass({ blackouts: [{ startMs: 10, endMs: 20 }] }, 30);
    expect(arrivals.map(({ number }) => number)).toEqual(
      upTo(30).filter((number) => number < 10 || number >= 20),
    );
    expect(fates.blackedOut).toBe(10);
  });

  test('duplicates and late replays arrive besides the original', () => {
    const { arrivals, fates } = pass({ duplicationRate: 0.2, replayRate: 0.1, replayDelayMs: 5_000 }, 1_000);
    expect(arrivals).toHaveLength(1_000 + (fates.duplicated ?? 0) + (fates.replayed ?? 0));
    expect(new Set(arrivals.map(({ number }) => number)).size).toBe(1_000);
    expect(fates.duplicated).toBeGreaterThan(150);
    expect(fates.replayed).toBeGreaterThan(60);
    expect(Math.max(...arrivals.map(({ at, number }) => at - number))).toBeGreaterThan(4_000);
  });

  test('jitter stays within its bound and lets datagrams overtake each other', () => {
    const { arrivals } = pass({ delayMs: 5, jitterMs: 50 }, 500);
    const delays = arrivals.map(({ at, number }) => at - number);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...delays)).toBeLessThan(55);
    expect(arrivals.map(({ number }) => number)).not.toEqual(upTo(500));
  });

  test.each([1, 3, 64])('reordering by %i lets exactly that many later ones pass', (reorderBy) => {
    const { arrivals, fates } = pass({ reorderRate: 0.01, reorderBy }, 2_000);
    expect(arrivals).toHaveLength(2_000);
    expect(fates.reordered).toBeGreaterThan(5);
    const position = new Map(arrivals.map(({ number }, index) => [number, index]));
    const overtaken = arrivals.filter(
      ({ number }, index) => arrivals.slice(0, index).filter((earlier) => earlier.number > number).length > 0,
    );
    expect(overtaken.length).toBe(fates.reordered);
    const lone = overtaken.filter(({ number }) =>
      overtaken.every((other) => other.number === number || Math.abs(other.number - number) > 2 * reorderBy),
    );
    for (const { number } of lone) {
      if (number + reorderBy < 2_000) expect(position.get(number)).toBe(number + reorderBy);
    }
  });

  test('the last datagram is not held for ever', () => {
    const { arrivals } = pass({ reorderRate: 1, reorderBy: 64, delayMs: 10 }, 3);
    expect(arrivals.map(({ at, number }) => at - number)).toEqual([1_010, 1_010, 1_010]);
  });

  test('damage changes bytes or length and never the original', () => {
    const damaging = { corruptionRate: 0.2, truncationRate: 0.2, extensionRate: 0.2, splicingRate: 0.2 };
    const { arrivals, fates } = pass({ ...damaging, duplicationRate: 0.1 }, 1_000);
    expect(fates.corrupted).toBeGreaterThan(150);
    expect(fates.truncated).toBeGreaterThan(100);
    expect(fates.extended).toBeGreaterThan(80);
    expect(fates.spliced).toBeGreaterThan(50);
    const isIntact = (bytes: Uint8Array): boolean =>
      bytes.length === 100 && bytes.subarray(4).every((byte) => byte === 0);
    const intact = arrivals.filter(({ bytes }) => isIntact(bytes)).length;
    expect(intact).toBeLessThan(arrivals.length - 400);
    expect(intact).toBeGreaterThan(300);
    expect(arrivals.some(({ bytes }) => bytes.length < 100)).toBe(true);
    expect(arrivals.some(({ bytes }) => bytes.length > 100)).toBe(true);
  });

  test('a rate spaces datagrams, and a full queue drops the newest', () => {
    // 100 bytes at 10 bytes a millisecond leave every 10 ms; they come all at once.
    const { arrivals, fates } = pass({ bytesPerMs: 10, queueDatagrams: 4, delayMs: 1 }, 10, 0);
    expect(arrivals.map(({ number }) => number)).toEqual([0, 1, 2, 3]);
    expect(arrivals.map(({ at }) => at)).toEqual([11, 21, 31, 41]);
    expect(fates.queueFull).toBe(6);
  });

  test('a queue that has drained takes datagrams again', () => {
    const { fates, arrivals } = pass({ bytesPerMs: 10, queueDatagrams: 1 }, 2_000, 10);
    expect(fates.queueFull).toBeUndefined();
    expect(arrivals).toHaveLength(2_000);
  });

  test('a datagram above the path MTU vanishes', () => {
    expect(pass({ maxDatagramBytes: 99 }, 5).fates).toEqual({ tooLarge: 5 });
    expect(pass({ maxDatagramBytes: 100 }, 5).fates).toEqual({ delivered: 5 });
  });

  test('a queue in bytes counts headers, and what is half sent only by its rest', () => {
    // 100 + 28 bytes at 12.8 a millisecond leave every 10 ms; at 5 ms the first has 64 bytes left.
    const conditions = { bytesPerMs: 12.8, queueBytes: 320, headerBytes: 28, delayMs: 1 };
    expect(pass(conditions, 3, 0).fates).toEqual({ delivered: 2, queueFull: 1 });
    const { arrivals } = pass(conditions, 3, 2.5);
    expect(arrivals.map(({ at }) => at)).toEqual([11, 21, 31]);
  });

  test('jitter that keeps the order delays what comes behind, and nothing overtakes', () => {
    const { arrivals } = pass({ delayMs: 5, jitterMs: 50, jitterKeepsOrder: true }, 2_000);
    expect(arrivals.map(({ number }) => number)).toEqual(upTo(2_000));
    const delays = arrivals.map(({ at, number }) => at - number);
    expect(Math.max(...delays)).toBeLessThan(55 + 1e-9);
    // 50 drawn from [0, 50) at once: the latest of them holds the others back.
    expect(delays.filter((delay) => delay > 40).length).toBeGreaterThan(1_000);
  });

  test('bad periods take everything for as long as they last, in the share of time that is theirs', () => {
    const { arrivals, fates } = pass({ goodPeriodMs: 300, badPeriodMs: 100, delayMs: 0 }, 200_000);
    const lost = fates.badPeriod ?? 0;
    expect(lost / 200_000).toBeCloseTo(0.25, 1);
    const gaps = arrivals
      .map(({ number }, index) => number - (arrivals[index - 1]?.number ?? -1) - 1)
      .filter((gap) => gap > 0);
    // Periods shorter than the spacing of datagrams may take none: the mean of those seen is a little above.
    expect(lost / gaps.length).toBeGreaterThan(85);
    expect(lost / gaps.length).toBeLessThan(115);
    expect(Math.max(...gaps)).toBeGreaterThan(300);
  });
});
