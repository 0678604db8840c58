/** Two ends joined in memory, on time that moves when there is nothing else to do. */
import { createInMemoryPair, type InMemoryOptions } from '../../../src/rpc/in-memory.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { ManualClock, settle } from '../../support/manual-clock.js';
import { type RpcHarness } from './harness.js';

export function openInMemoryHarness(options: Omit<InMemoryOptions, 'clock'> = {}): RpcHarness {
  const clock = new ManualClock();
  const { connector, acceptor } = createInMemoryPair({ clock, ...options });
  return {
    environment: { clock, random: new SeededRandom(1), wallTime: () => WALL_TIME_AT_0 + clock.now() },
    acceptor,
    address: '127.0.0.1:0',
    connectorTo: () => connector,
    async settle<T>(promise: Promise<T>): Promise<T> {
      let isSettled = false;
      const mark = (): void => {
        isSettled = true;
      };
      promise.then(mark, mark);
      while (!isSettled) {
        for (let turn = 0; turn < IDLE_TURNS && !isSettled; turn++) await settle();
        if (isSettled) break;
        const { nextTimerInMs } = clock;
        if (nextTimerInMs === undefined) throw new Error('nothing is left that could settle the promise');
        await clock.advance(nextTimerInMs);
      }
      return promise;
    },
    async pass(ms) {
      for (let turn = 0; turn < IDLE_TURNS; turn++) await settle();
      await clock.advance(ms);
      for (let turn = 0; turn < IDLE_TURNS; turn++) await settle();
    },
    async end() {
      await settle();
      if (clock.pendingTimers > 0) throw new Error(`${clock.pendingTimers} timers are left`);
    },
  };
}

/** More turns than any exchange takes in which time does not matter. */
const IDLE_TURNS = 50;

const WALL_TIME_AT_0 = Date.UTC(2030, 0, 1);
