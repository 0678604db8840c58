import { RttMemory } from '../../../../src/rpc/client/rtt-memory.js';
import { NO_TRANSPORT_STATS, type TransportStats } from '../../../../src/rpc/stream-transport.js';

const measured = (smoothedRttMs: number | undefined, lastReceivedAgoMs = 0): TransportStats => ({
  ...NO_TRANSPORT_STATS,
  smoothedRttMs,
  lastReceivedAgoMs,
});

describe('what is remembered of a round trip', () => {
  test('is nothing at first, and nothing of a connection that had no sample', () => {
    const memory = new RttMemory();
    memory.remember(measured(undefined), 1_000);
    expect(memory.initialRttMs(1_000)).toBeUndefined();
  });

  test('is the newest, by when its connection was last heard of', () => {
    const memory = new RttMemory();
    memory.remember(measured(40), 100_000);
    memory.remember(measured(70, 30_000), 110_000);
    expect(memory.initialRttMs(110_000)).toBe(40);
    memory.remember(measured(50), 120_000);
    expect(memory.initialRttMs(120_000)).toBe(50);
  });

  test('lasts for 10 minutes from when the connection was last heard of', () => {
    const memory = new RttMemory();
    memory.remember(measured(40, 30_000), 30_000);
    expect(memory.initialRttMs(600_000)).toBe(40);
    expect(memory.initialRttMs(600_001)).toBeUndefined();
  });

  test.each([
    [0.05, 5],
    [5, 5],
    [600, 600],
    [7_000, 1_000],
  ])('%d ms is believed as %d', (seen, believed) => {
    const memory = new RttMemory();
    memory.remember(measured(seen), 0);
    expect(memory.initialRttMs(0)).toBe(believed);
  });
});
