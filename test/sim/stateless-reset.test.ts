import { TwoEnds } from './harness/two-ends.js';

const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);

/** Calls once, restarts the server, calls again; returns how long the second call takes. */
async function msAfterRestart(keepsKey: boolean): Promise<number> {
  const ends = new TwoEnds({ delayMs: 10 });
  if (keepsKey) ends.resetKey = KEY;
  ends.crashServer();
  ends.startServer();
  await ends.settle(ends.client.put({ key: 'key', value: 1n }));
  await ends.wait(1_000);
  ends.crashServer();
  ends.startServer();
  const { ms } = await ends.settle(
    ends.timed(ends.client.put({ key: 'key', value: 2n }, { timeoutMs: 120_000 })),
  );
  await ends.close();
  expect(ends.clock.pendingTimers).toBe(0);
  return ms;
}

describe('a server that is started again on the same port', () => {
  test('with the same reset key tells its clients, whose next call is answered within two round trips and a PTO', async () => {
    expect(await msAfterRestart(true)).toBeLessThan(200);
  });

  test('with another key is silent: its clients find out by themselves', async () => {
    const ms = await msAfterRestart(false);
    expect(ms).toBeGreaterThan(1_000);
    expect(ms).toBeLessThan(60_000);
  });
});
