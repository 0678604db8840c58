/** A server that is stopped for a while and goes on, as a laptop that sleeps or a debugger has it. */
import { jest } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { ExampleProcess } from '../support/example-process.js';
import { printFigures } from '../support/long-run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { closeAll, connectTo } from '../support/tls-fixture.js';

jest.setTimeout(60_000);

afterEach(closeAll);

const CALLS = 50;
const PAUSE_MS = 2_000;

test('a server suspended for less than the idle timeout answers all calls when it goes on, on the same connection', async () => {
  const journal = join(temporaryDirectory(), 'journal');
  const server = new ExampleProcess('journal-server', [journal, '0'], { folder: 'test/support' });
  const [, port = ''] = await server.printed(/^listening on (\d+) /m);
  const { channel, client } = connectTo(Number(port), {});
  const states: string[] = [];
  await client.add({ key: 'first', amount: 0n });
  channel.on('state', ({ to }) => states.push(to));
  server.child.kill('SIGSTOP');
  const startedAt = performance.now();
  const answers = Array.from({ length: CALLS }, (_, i) => client.add({ key: `call-${i}`, amount: 1n }));
  await wait(PAUSE_MS);
  server.child.kill('SIGCONT');
  const totals = await Promise.all(answers);
  const tookMs = performance.now() - startedAt;
  printFigures(
    `a server suspended for ${PAUSE_MS} ms with ${CALLS} calls in flight`,
    `${totals.length} answered, the last after ${tookMs.toFixed(0)} ms`,
    `${states.length} changes of the channel's state`,
  );
  expect(states).toEqual([]);
  expect(tookMs).toBeGreaterThan(PAUSE_MS);
  await channel.close();
  server.child.kill('SIGTERM');
  await once(server.child, 'exit');
});
