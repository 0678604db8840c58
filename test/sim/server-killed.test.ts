import { TwoEnds } from './harness/two-ends.js';

const RTT_MS = 20;
const UP = { delayMs: RTT_MS / 2 };

/** Connected, and the server killed so that nobody says anything more, ICMP included; a call is under way. */
async function killed(): Promise<{ ends: TwoEnds; killedAt: number }> {
  const ends = new TwoEnds(UP);
  await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
  await ends.wait(1_000);
  ends.crashServer();
  return { ends, killedAt: ends.clock.now() };
}

describe('a server that is killed without a word and started again', () => {
  test('calls made before the connection is suspect end by their deadline, later ones succeed in one round trip', async () => {
    const { ends } = await killed();
    const lost = ends.client.add({ key: 'lost', amount: 1n }, { timeoutMs: 15_000 });
    const ended = expect(lost).rejects.toThrow(/no answer, and nothing received for 1\d{4} ms/);
    await ends.wait(5_000);
    ends.startServer();
    await ends.wait(7_000);
    // Suspect since 10 s after the kill: the call rides in the first flight of a new connection.
    const { ms } = await ends.settle(ends.timed(ends.client.echo({ payload: Uint8Array.of(2) })));
    expect(ms).toBe(RTT_MS);
    await ends.wait(5_000);
    await ended;
    expect(ends.adds.size).toBe(0);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('a client that calls all the time has its first answer 10 s after the kill', async () => {
    const { ends, killedAt } = await killed();
    await ends.wait(500);
    ends.startServer();
    const restartedAt = ends.clock.now();
    let firstAnswerAt: number | undefined;
    while (firstAnswerAt === undefined && ends.clock.now() - killedAt < 60_000) {
      const call = ends.client.echo({ payload: Uint8Array.of(3) }, { timeoutMs: 30_000 });
      call.then(
        () => (firstAnswerAt ??= ends.clock.now()),
        () => undefined,
      );
      await ends.wait(100);
    }
    expect((firstAnswerAt ?? Infinity) - restartedAt).toBeLessThanOrEqual(10_000 + 100 + RTT_MS);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('attempts with a time of their own get there without waiting for the old connection to end', async () => {
    const { ends } = await killed();
    ends.startServer();
    const { ms } = await ends.settle(
      ends.timed(
        ends.client.echo({ payload: Uint8Array.of(4) }, { attemptTimeoutMs: 4_000, timeoutMs: 60_000 }),
      ),
    );
    // Two attempts go into the void, the third into the new connection.
    expect(ms).toBeGreaterThan(8_000);
    expect(ms).toBeLessThan(17_000);
    await ends.close();
  });
});

describe('a path that is silent for 20 s', () => {
  test('gives new calls another connection, and the old one its calls back', async () => {
    const ends = new TwoEnds(UP);
    const states: string[] = [];
    await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
    await ends.wait(1_000);
    ends.channel.on('state', ({ from, to }) => states.push(`${from}>${to}`));
    const startMs = ends.clock.now();
    const blackouts = [{ startMs, endMs: startMs + 20_000 }];
    ends.set('up', { blackouts });
    ends.set('down', { blackouts });
    const old = ends.client.add({ key: 'old', amount: 1n }, { timeoutMs: 60_000 });
    await ends.wait(15_000);
    const young = ends.client.echo({ payload: Uint8Array.of(2) });
    expect((await ends.settle(old)).total).toBe(1n);
    expect((await ends.settle(young)).payload).toEqual(Uint8Array.of(2));
    expect(ends.clock.now() - startMs).toBeLessThan(20_000 + 1_500);
    expect(states.slice(0, 2)).toEqual(['ready>idle', 'idle>connecting']);
    expect(ends.channel.state).toBe('ready');
    expect([...ends.adds.values()]).toEqual([1]);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });
});

describe('the next connection to a target', () => {
  test('repeats a lost hello after what the path takes, not after three times 100 ms', async () => {
    const ends = new TwoEnds(UP);
    await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
    // Idle: the connection is let go.
    await ends.wait(60_000);
    expect(ends.channel.state).toBe('idle');
    let isFirst = true;
    const { observer } = ends.network;
    ends.set('up', { lossRate: 1 });
    ends.network.observer = {
      onSent: (datagram) => {
        observer?.onSent(datagram);
        if (!isFirst) return;
        isFirst = false;
        ends.clock.setTimer(() => {
          ends.set('up', { lossRate: 0 });
        }, 1);
      },
      onDelivered: () => undefined,
      onFate: () => undefined,
    };
    const { ms } = await ends.settle(ends.timed(ends.client.echo({ payload: Uint8Array.of(2) })));
    // PTO of a round trip that is assumed: 20 + 4 x 10 ms, then one round trip.
    expect(ms).toBeGreaterThan(RTT_MS);
    expect(ms).toBeLessThan(3 * RTT_MS + RTT_MS + 2);
    await ends.close();
  });
});
