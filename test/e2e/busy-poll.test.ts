/** `busyPollUs` of either side: whether the event loop goes round and round for so long after a call, where calls come soon. */
import { performance } from 'node:perf_hooks';
import { setTimeout as passed } from 'node:timers/promises';
import { createChannel, createClient, createServer } from '../../src/index.js';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';

const CALLS_TO_LEARN = 20;
const TIMES = 20;

/** Turns of the loop, shared by both sides, in 3 ms after calls one after the other. */
async function turnsAfterCalls(clientUs: number, serverUs: number): Promise<number> {
  const server = createServer({ transport: { busyPollUs: serverUs } });
  server.add(TestServiceDefinition, { echo: () => ({}) } as never);
  const port = await server.listen('127.0.0.1:0');
  const channel = createChannel(`127.0.0.1:${port}`, { transport: { busyPollUs: clientUs } });
  try {
    const client = createClient(TestServiceDefinition, channel);
    let turns = 0;
    for (let time = 0; time < TIMES; time++) {
      for (let i = 0; i < CALLS_TO_LEARN; i++) await client.echo({});
      const before = performance.nodeTiming.uvMetricsInfo.loopCount;
      await passed(3);
      turns += performance.nodeTiming.uvMetricsInfo.loopCount - before;
    }
    return turns;
  } finally {
    await channel.close();
    await server.shutdown({ graceMs: 0 });
  }
}

test('either side stays awake for its own time after what it sent, and sleeps with 0', async () => {
  const asleep = await turnsAfterCalls(0, 0);
  const turns = { client: await turnsAfterCalls(1_000, 0), server: await turnsAfterCalls(0, 1_000) };
  expect(asleep).toBeLessThan(TIMES * 20);
  expect(turns.client).toBeGreaterThan(asleep * 3);
  expect(turns.server).toBeGreaterThan(asleep * 3);
});
