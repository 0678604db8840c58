import { CLIENT_IP, TwoEnds } from './harness/two-ends.js';

describe('a server that limits the age of its connections', () => {
  test('[RPC-12] cuts no call: the client changes over between two', async () => {
    const ends = new TwoEnds({ delayMs: 10 }, { maxConnectionAgeMs: 60_000 });
    const states: string[] = [];
    ends.channel.on('state', ({ to, reason }) => states.push(`${to}: ${reason}`));
    const endsAt = ends.clock.now() + 300_000;
    const failures: unknown[] = [];
    let count = 0;
    while (ends.clock.now() < endsAt) {
      // Of undeclared idempotency: nothing would make it again.
      ends.client.add({ key: `key ${count++}`, amount: 1n }).catch((error: unknown) => failures.push(error));
      // Long ones keep the old connection for a while.
      ends.client
        .echo({ payload: Uint8Array.of(1), delayMs: 2_500 })
        .catch((error: unknown) => failures.push(error));
      await ends.wait(500);
    }
    await ends.wait(10_000);
    expect(failures).toEqual([]);
    expect([...ends.adds.values()]).toEqual(new Array(count).fill(1));
    const left = states.filter((state) => state.includes('further calls on another connection'));
    // 60 s each, 10 % more or less.
    expect(left.length).toBeGreaterThanOrEqual(4);
    expect(left.length).toBeLessThanOrEqual(5);
    const hellos = ends.sent.filter(
      ({ datagram: { from, bytes } }) => from.ip === CLIENT_IP && bytes.length === 1_200,
    );
    expect(hellos.length).toBeGreaterThanOrEqual(left.length + 1);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });
});
