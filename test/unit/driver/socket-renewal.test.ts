import { SocketRenewal } from '../../../src/driver/socket-renewal.js';
import { ManualClock } from '../../support/manual-clock.js';

function create(mayOpen: () => boolean = () => true) {
  const clock = new ManualClock();
  const openedAt: number[] = [];
  const opened: number[] = [];
  const discarded: number[] = [];
  const renewal = new SocketRenewal<number>({
    clock,
    open: () => {
      openedAt.push(clock.now());
      return mayOpen() ? Promise.resolve(openedAt.length) : Promise.reject(new Error('ENETUNREACH'));
    },
    onOpened: (socket) => opened.push(socket),
    discard: (socket) => discarded.push(socket),
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, openedAt, opened, discarded, renewal, settled };
}

describe('a new socket for a client', () => {
  test('is opened at once, and only one at a time', async () => {
    const { renewal, opened, openedAt, settled } = create();
    for (let i = 0; i < 5; i++) renewal.request();
    await settled();
    expect([opened, openedAt]).toEqual([[1], [1_000]]);
  });

  test('while nothing is heard the next ones come ever more rarely, then at once again', async () => {
    const { clock, renewal, openedAt, settled } = create();
    for (let i = 0; i < 8; i++) {
      renewal.request();
      await clock.advance(clock.nextTimerInMs ?? 0);
      await settled();
    }
    expect(openedAt.map((at, index) => at - (openedAt[index - 1] ?? at))).toEqual([
      0, 100, 200, 400, 800, 1_600, 2_000, 2_000,
    ]);
    renewal.onHeard();
    renewal.request();
    await settled();
    expect(openedAt).toHaveLength(9);
    expect(clock.pendingTimers).toBe(0);
  });

  test('is tried again by itself while there is no address, until there is one', async () => {
    let hasAddress = false;
    const { clock, renewal, opened, openedAt, settled } = create(() => hasAddress);
    renewal.request();
    for (let i = 0; i < 20; i++) {
      await settled();
      hasAddress = i === 10;
      await clock.advance(clock.nextTimerInMs ?? 0);
    }
    await settled();
    expect(opened).toEqual([openedAt.length]);
    expect(clock.pendingTimers).toBe(0);
    // Whoever waits for an address goes on soon after there is one, however long it took.
    expect(openedAt.slice(1).map((at, index) => at - (openedAt[index] ?? at))).toEqual([
      100,
      ...Array.from({ length: openedAt.length - 2 }, () => 200),
    ]);
  });

  test('leaves no timer and no socket behind when it is closed', async () => {
    const { clock, renewal, opened, discarded, settled } = create();
    renewal.request();
    renewal.close();
    await settled();
    expect([opened, discarded]).toEqual([[], [1]]);
    renewal.request();
    const failing = create(() => false);
    failing.renewal.request();
    await failing.settled();
    expect(failing.clock.pendingTimers).toBe(1);
    failing.renewal.close();
    expect([clock.pendingTimers, failing.clock.pendingTimers]).toEqual([0, 0]);
  });
});
