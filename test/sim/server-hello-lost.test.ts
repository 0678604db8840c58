import { TwoEnds } from './harness/two-ends.js';

describe('the hello of a server', () => {
  test('lost, is repeated although its client knows its connection ID from a later ACK, and uses it', async () => {
    const ends = new TwoEnds({ delayMs: 10 });
    // So that the client's probe is answered before the server's own PTO.
    ends.serverHost.lateness = () => 100;
    ends.set('down', { lossRate: 1 });
    const first = ends.timed(ends.client.echo({ payload: Uint8Array.of(1) }));
    await ends.wait(25);
    ends.set('down', { lossRate: 0 });
    await ends.wait(310);
    const second = ends.timed(ends.client.echo({ payload: Uint8Array.of(2) }));
    expect((await ends.settle(first)).ms).toBeLessThan(1_000);
    expect((await ends.settle(second)).ms).toBeLessThan(1_000);
    expect(ends.channel.state).toBe('ready');
    await ends.close();
  });
});
