import { CLIENT_IP, TwoEnds } from './harness/two-ends.js';

async function readyEnds(delayMs = 10): Promise<TwoEnds> {
  const ends = new TwoEnds({ delayMs });
  await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
  await ends.wait(1_000);
  ends.sent.length = 0;
  return ends;
}

describe('a small unary call on a connection', () => {
  test('takes one datagram each way, and an ACK', async () => {
    const ends = await readyEnds();
    const { ms } = await ends.settle(ends.timed(ends.client.echo({ payload: new Uint8Array(100) })));
    expect(ms).toBe(20);
    await ends.wait(1_000);
    const senders = ends.sent.map(({ datagram }) => (datagram.from.ip === CLIENT_IP ? 'client' : 'server'));
    expect(senders).toEqual(['client', 'server', 'client']);
    // The answer carries its ACK; the client's own leaves after max_ack_delay at the latest.
    expect(ends.sent[2]?.datagram.bytes.length).toBeLessThan(30);
    expect((ends.sent[2]?.at ?? 0) - (ends.sent[1]?.at ?? 0)).toBeLessThanOrEqual(10 + 2.001);
  });

  test('whose handler takes less than max_ack_delay is acknowledged by its answer', async () => {
    const ends = await readyEnds();
    await ends.settle(ends.client.echo({ payload: new Uint8Array(100), delayMs: 1 }));
    await ends.wait(1_000);
    expect(ends.sent).toHaveLength(3);
  });

  test('50 written in one turn share datagrams', async () => {
    const ends = await readyEnds();
    const calls = Array.from({ length: 50 }, () => ends.client.echo({ payload: new Uint8Array(10) }));
    await ends.settle(Promise.all(calls));
    const fromClient = ends.sent.filter(({ datagram }) => datagram.from.ip === CLIENT_IP);
    const carrying = fromClient.filter(({ datagram }) => datagram.bytes.length > 60);
    expect(carrying.length).toBeLessThan(10);
  });

  test('of two at once neither waits for the other when a datagram of one is lost', async () => {
    const ends = await readyEnds();
    ends.set('up', { lossRate: 1 });
    const first = ends.timed(ends.client.echo({ payload: Uint8Array.of(1) }));
    await ends.wait(1);
    ends.set('up', { lossRate: 0 });
    const second = await ends.settle(ends.timed(ends.client.echo({ payload: Uint8Array.of(2) })));
    expect(second.ms).toBe(20);
    // Its sender learns by the ACK of the second, or by its probe: three round trips are ample.
    expect((await ends.settle(first)).ms).toBeLessThan(80);
  });
});
