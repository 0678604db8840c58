/** Two ends joined in memory, on time that moves when there is nothing else to do. */
import { createInMemoryPair, type InMemoryOptions } from '../../../src/rpc/in-memory.js';
import { NO_CALL_SCOPE } from '../../../src/rpc/call-scope.js';
import { NO_DIAGNOSTICS } from '../../../src/rpc/diagnostics.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { ManualClock, settle } from '../../support/manual-clock.js';
import { type RpcHarness } from './harness.js';

export function openInMemoryHarness(options: Omit<InMemoryOptions, 'clock'> = {}): RpcHarness {
  const clock = new TurnClock();
  const { connector, acceptor } = createInMemoryPair({ clock, ...options });
  return {
    environment: {
      clock,
      random: new SeededRandom(1),
      wallTime: () => WALL_TIME_AT_0 + clock.now(),
      callScope: NO_CALL_SCOPE,
      diagnostics: NO_DIAGNOSTICS,
    },
    acceptor,
    address: '127.0.0.1:0',
    connectorTo: () => connector,
    async settle<T>(promise: Promise<T>): Promise<T> {
      const state = { isSettled: false };
      const mark = (): void => {
        state.isSettled = true;
      };
      promise.then(mark, mark);
      for (;;) {
        await clock.idle(state);
        if (state.isSettled) return promise;
        const { nextTimerInMs } = clock;
        if (nextTimerInMs === undefined) throw new Error('nothing is left that could settle the promise');
        await clock.advance(nextTimerInMs);
      }
    },
    async pass(ms) {
      await clock.idle();
      await clock.advance(ms);
      await clock.idle();
    },
    async end() {
      await settle();
      if (clock.pendingTimers > 0) throw new Error(`${clock.pendingTimers} timers are left`);
    },
  };
}

/** Knows whether anything waits for the end of a turn. */
class TurnClock extends ManualClock {
  #waiting = 0;

  override atEndOfTurn(callback: () => void): void {
    this.#waiting++;
    super.atEndOfTurn(() => {
      this.#waiting--;
      callback();
    });
  }

  /** Until only time can make a difference, or the promise has settled. */
  async idle(state: { readonly isSettled: boolean } = { isSettled: false }): Promise<void> {
    for (let quietTurns = 0; quietTurns < QUIET_TURNS && !state.isSettled; quietTurns++) {
      if (this.#waiting > 0) quietTurns = 0;
      await settle();
    }
  }
}

/** Promise chains of handlers and middleware run to their end within a turn; a few more cost nothing. */
const QUIET_TURNS = 3;

const WALL_TIME_AT_0 = Date.UTC(2030, 0, 1);
