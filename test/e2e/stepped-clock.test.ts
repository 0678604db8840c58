/** The wall clock of a process steps by a year, forth and back, with calls in flight: only what handlers are shown moves. */
import { jest } from '@jest/globals';
import { type CallContext, type RequestContext } from '../../src/index.js';
import { printFigures } from '../support/long-run.js';
import { certificates } from '../support/certificates.js';
import { closeAll, connectTo, serveEcho } from '../support/tls-fixture.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const YEAR_MS = 365 * 86_400_000;
const TIMEOUT_MS = 20_000;

test.each([
  ['plaintext', false],
  ['TLS', true],
])('live connections and calls feel nothing of it: %s', async (title, isTls) => {
  const { authority, localServer } = await certificates();
  const heldAt: number[] = [];
  const deadlines: number[] = [];
  let release: () => void = () => undefined;
  const server = await serveEcho(isTls ? { tls: localServer } : {}, {
    put: async ({ value }, context) => {
      const { deadline, signal } = context as CallContext & RequestContext;
      heldAt.push(Date.now());
      deadlines.push(deadline?.getTime() ?? NaN);
      await new Promise<void>((resolve) => {
        release = resolve;
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
      return { value };
    },
  });
  const { channel, client } = connectTo(server.port, isTls ? { tls: { ca: authority.cert } } : {});
  await client.echo({});
  const states: string[] = [];
  channel.on('state', ({ to }) => states.push(to));
  const realNow = Date.now.bind(Date);
  const clock = jest.spyOn(Date, 'now');
  const steps = [YEAR_MS, -YEAR_MS, 0];
  for (const stepMs of steps) {
    const calls = heldAt.length;
    const held = client.put({ value: BigInt(calls) }, { timeoutMs: TIMEOUT_MS });
    while (heldAt.length === calls) await client.echo({});
    clock.mockImplementation(() => realNow() + stepMs);
    for (let count = 0; count < 20; count++) await client.echo({}, { timeoutMs: TIMEOUT_MS });
    release();
    expect(await held).toEqual({ value: BigInt(calls) });
  }
  expect(states).toEqual([]);
  expect(server.acceptor.connectionCount).toBe(1);
  // By the clock as it was when each call came.
  for (const [index, at] of heldAt.entries()) {
    expect(Math.abs((deadlines[index] ?? NaN) - at - TIMEOUT_MS)).toBeLessThan(1_000);
  }
  printFigures(
    `wall clock stepped by a year, ${title}`,
    `${steps.length} calls held over a step, ${20 * steps.length} made after one`,
    `${states.length} changes of the channel's state`,
  );
});
