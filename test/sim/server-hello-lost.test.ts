import { TwoEnds } from './harness/two-ends.js';

describe('the first answer of a server', () => {
  test('lost, and an ACK that tells its connection ID comes through: the handshake goes on', async () => {
    const ends = new TwoEnds({ delayMs: 10 });
    // So that the client's probe is answered before the server's own PTO sends the lost hello again.
    ends.serverHost.lateness = () => 50;
    ends.set('down', { lossRate: 1 });
    const call = ends.timed(ends.client.echo({ payload: Uint8Array.of(1) }));
    await ends.wait(25);
    ends.set('down', { lossRate: 0 });
    const { ms } = await ends.settle(call);
    expect(ms).toBeLessThan(700);
    expect(ends.channel.state).toBe('ready');
    await ends.close();
  });
});
