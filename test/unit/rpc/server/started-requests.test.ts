import fc from 'fast-check';
import { StartedRequests } from '../../../../src/rpc/server/started-requests.js';

const MINUTE_MS = 60_000;

/** A server whose clients' headers come in the instant in which they are written. */
class Server {
  now = 1_000_000;
  readonly #requests: StartedRequests;

  constructor(maxClients = 10) {
    this.#requests = new StartedRequests(maxClients);
  }

  /** `ageMs`: how long ago the call began. */
  starts(client: string, sequence: number, attempt: number, ageMs = 0): boolean {
    return this.refusal(client, sequence, attempt, ageMs) === undefined;
  }

  takeBack(client: string, sequence: number): void {
    this.#requests.takeBack(client, sequence);
  }

  refusal(client: string, sequence: number, attempt: number, ageMs = 0): string | undefined {
    return this.#requests.start(client, { sequence, attempt, ageMs }, this.now, this.now);
  }
}

describe('the requests of one client', () => {
  test('[AMO-2] start once for each sequence number, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 200 }), (sequences) => {
        const server = new Server();
        const started = new Set<number>();
        for (const sequence of sequences) {
          expect(server.starts('client', sequence, 2)).toBe(!started.has(sequence));
          started.add(sequence);
        }
      }),
    );
  });

  test('[AMO-3] start again where the one before did not start after all', () => {
    const server = new Server();
    for (const sequence of [3, 4, 5]) server.starts('client', sequence, 1);
    server.takeBack('client', 4);
    server.takeBack('stranger', 5);
    expect([3, 4, 5].map((sequence) => server.starts('client', sequence, 2))).toEqual([false, true, false]);
    expect(server.starts('client', 4, 3)).toBe(false);
  });

  test('[AMO-6] only the oldest are forgotten, and only first attempts start there', () => {
    const server = new Server();
    for (let index = 0; index < 1_025; index++) server.starts('client', 2 * index, 1);
    expect(server.starts('client', 0, 2)).toBe(false);
    expect(server.starts('client', 0, 1)).toBe(true);
    expect(server.starts('client', 0, 2)).toBe(false);
    expect(server.starts('client', 1, 2)).toBe(true);
    expect(server.starts('client', 2, 1)).toBe(false);
    expect(server.starts('client', 2_048, 1)).toBe(false);
  });

  test('[AMO-5] do not start again at an age above 240 s, which a first attempt has not', () => {
    const server = new Server();
    expect(server.starts('client', 0, 2, 240_000)).toBe(true);
    expect(server.refusal('client', 1, 2, 240_001)).toBe('it began more than 240 s ago');
    expect(server.starts('client', 1, 1)).toBe(true);
  });
});

describe('of more clients than are remembered', () => {
  test('[AMO-6] the one that was idle longest is forgotten', () => {
    const server = new Server(2);
    server.starts('first', 0, 1);
    server.starts('second', 0, 1);
    server.starts('first', 1, 1);
    server.starts('third', 0, 1);
    expect(server.refusal('first', 0, 2)).toMatch(/started before, and no answer/);
    expect(server.refusal('third', 0, 2)).toMatch(/started before, and no answer/);
    expect(server.refusal('second', 0, 2)).toMatch(/has forgotten/);
  });

  test('[AMO-6] first attempts of a forgotten one start, whatever it may have started', () => {
    const server = new Server(1);
    server.starts('first', 0, 1);
    server.starts('second', 0, 1);
    expect(server.starts('first', 1, 1)).toBe(true);
    expect(server.starts('first', 1, 2)).toBe(false);
    // Its own first window may have had this one, and it was of the time of that window.
    expect(server.starts('first', 0, 2)).toBe(false);
  });

  test('[AMO-6] a later attempt starts when its call began a minute after the last start that was forgotten', () => {
    const server = new Server(1);
    server.starts('first', 0, 1);
    server.now += 5 * MINUTE_MS;
    server.starts('second', 0, 1);
    // The call began at the latest now less its age, and a minute earlier if its header was long under way.
    expect(server.starts('other', 0, 2, 4 * MINUTE_MS)).toBe(false);
    expect(server.starts('other', 1, 2, 4 * MINUTE_MS - 1)).toBe(true);
    server.now += 59_999;
    expect(server.starts('first', 1, 2)).toBe(false);
    server.now += 60_000;
    expect(server.starts('first', 1, 2)).toBe(true);
  });

  test('[AMO-6] a server that has forgotten nothing starts any attempt that it has not started', () => {
    const server = new Server(3);
    for (const client of ['first', 'second', 'third'])
      expect(server.starts(client, 7, 4, 200_000)).toBe(true);
  });

  test('those that only repeat do not push others out', () => {
    const server = new Server(1);
    server.starts('first', 0, 1);
    server.now += 5 * MINUTE_MS;
    server.starts('second', 0, 1);
    for (const client of ['third', 'fourth']) expect(server.starts(client, 0, 2, 4 * MINUTE_MS)).toBe(false);
    expect(server.refusal('second', 0, 2)).toMatch(/and no answer is kept/);
  });
});

/** One call of a client: when it begins, and each attempt's wait for its sending, then for its arrival. */
const call = fc.record({
  client: fc.constantFrom('a', 'b', 'c', 'd'),
  beginsAt: fc.nat(600_000),
  attempts: fc.array(
    fc.record({ waitMs: fc.nat(100_000), delayMs: fc.nat(MINUTE_MS), isLost: fc.boolean() }),
    { minLength: 1, maxLength: 4 },
  ),
});

test('[AMO-2] [AMO-6] as beside a server that never forgets: none starts twice, each first attempt starts', () => {
  let starts = 0;
  let forgotten = 0;
  fc.assert(
    fc.property(
      fc.array(call, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      (calls, limit) => {
        const requests = new StartedRequests(limit);
        const counts = new Map<string, number>();
        const arrivals = [...calls]
          .sort((one, other) => one.beginsAt - other.beginsAt)
          .flatMap(({ client, beginsAt, attempts }) => {
            const sequence = counts.get(client) ?? 0;
            counts.set(client, sequence + 1);
            let sentAt = beginsAt;
            let arrivedAt = 0;
            return attempts.flatMap(({ waitMs, delayMs, isLost }, index) => {
              if (index > 0) sentAt += waitMs;
              // A stream is given up before the next attempt, so attempts do not overtake each other.
              arrivedAt = Math.max(arrivedAt, sentAt + (isLost ? 0 : delayMs));
              if (arrivedAt > sentAt + MINUTE_MS) return [];
              const request = { sequence, attempt: index + 1, ageMs: sentAt - beginsAt };
              return isLost ? [] : [{ client, request, arrivedAt }];
            });
          })
          .sort(
            (one, other) => one.arrivedAt - other.arrivedAt || one.request.attempt - other.request.attempt,
          );
        const started = new Set<string>();
        for (const { client, request, arrivedAt } of arrivals) {
          const id = `${client} ${request.sequence}`;
          const refusal = requests.start(client, request, arrivedAt, arrivedAt);
          if (refusal === undefined) {
            expect(started).not.toContain(id);
            started.add(id);
            starts++;
          } else {
            expect(request.attempt).toBeGreaterThan(1);
            if (limit === 4 && request.ageMs <= 240_000) expect(started).toContain(id);
            if (!started.has(id)) forgotten++;
          }
        }
      },
    ),
    // With a seed: how often something was forgotten is counted below, and chance may make that little.
    { numRuns: 1_000, seed: 1 },
  );
  // Else nothing of all this was tried.
  expect([starts > 1_000, forgotten > 50]).toEqual([true, true]);
});
