import { AddressRace, type Runner } from '../../../src/driver/address-race.js';
import { type Address } from '../../../src/transport/path/path.js';
import { ManualClock } from '../../support/manual-clock.js';

/** A race whose attempts end when the test says so; `log` is what happened, in order. */
function setUp(count: number) {
  const clock = new ManualClock();
  const log: string[] = [];
  const runners = new Map<string, Runner<string>>();
  const addresses: Address[] = Array.from({ length: count }, (_, i) => ({
    ip: i % 2 === 0 ? `::${i}` : `10.0.0.${i}`,
    port: 7,
  }));
  const race = new AddressRace<string>({
    addresses,
    clock,
    startAttempt(address, runner) {
      log.push(`start ${address.ip}`);
      runners.set(address.ip, runner);
      return { cancel: () => log.push(`cancel ${address.ip}`) };
    },
    onWon: (result) => log.push(`won ${result}`),
    onFailed: ({ reason }) => log.push(`failed: ${reason}`),
  });
  const runner = (ip: string): Runner<string> => {
    const found = runners.get(ip);
    if (found === undefined) throw new Error(`${ip} was not started`);
    return found;
  };
  return { clock, log, race, runner };
}

describe('AddressRace', () => {
  test('starts one attempt every 250 ms until there is none left', async () => {
    const { clock, log } = setUp(3);
    expect(log).toEqual(['start ::0']);
    await clock.advance(249);
    expect(log).toHaveLength(1);
    await clock.advance(1);
    expect(log).toEqual(['start ::0', 'start 10.0.0.1']);
    await clock.advance(250);
    expect(log).toEqual(['start ::0', 'start 10.0.0.1', 'start ::2']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('the first that is won ends the others; what they say later is nothing', async () => {
    const { clock, log, runner } = setUp(3);
    await clock.advance(250);
    runner('10.0.0.1').onWon('b');
    expect(log.slice(2)).toEqual(['cancel ::0', 'won b']);
    runner('::0').onWon('a');
    runner('::0').onFailed({ reason: 'refused' });
    await clock.advance(10_000);
    expect(log.slice(2)).toEqual(['cancel ::0', 'won b']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a failure moves on at once, and the next but one waits its 250 ms from then', async () => {
    const { clock, log, runner } = setUp(3);
    await clock.advance(200);
    runner('::0').onFailed({ reason: 'refused' });
    expect(log).toEqual(['start ::0', 'start 10.0.0.1']);
    await clock.advance(249);
    expect(log).toHaveLength(2);
    await clock.advance(1);
    expect(log).toEqual(['start ::0', 'start 10.0.0.1', 'start ::2']);
  });

  test('all failed: says so at once, with each address and what came of it', async () => {
    const { clock, log, runner } = setUp(3);
    runner('::0').onFailed({ reason: 'refused' });
    runner('10.0.0.1').onFailed({ reason: 'unreachable' });
    expect(log).toHaveLength(3);
    runner('::2').onFailed({ reason: 'timed out' });
    expect(log.slice(3)).toEqual(['failed: [::0]:7 refused; 10.0.0.1:7 unreachable; [::2]:7 timed out']);
    await clock.advance(10_000);
    expect(log).toHaveLength(4);
    expect(clock.pendingTimers).toBe(0);
  });

  test('while one still runs, the failure of all others is not the end', async () => {
    const { clock, log, runner } = setUp(2);
    await clock.advance(250);
    runner('10.0.0.1').onFailed({ reason: 'refused' });
    expect(log).toEqual(['start ::0', 'start 10.0.0.1']);
    runner('::0').onWon('a');
    expect(log.at(-1)).toBe('won a');
  });

  test('cancelled: every attempt is, no timer stays, nothing is told', async () => {
    const { clock, log, race, runner } = setUp(3);
    await clock.advance(250);
    race.cancel();
    race.cancel();
    expect(log.slice(2)).toEqual(['cancel ::0', 'cancel 10.0.0.1']);
    expect(clock.pendingTimers).toBe(0);
    runner('::0').onFailed({ reason: 'refused' });
    await clock.advance(1_000);
    expect(log).toHaveLength(4);
  });
});
