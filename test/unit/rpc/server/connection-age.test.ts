import { Status } from 'nice-grpc-common';
import { PUT, ServerFixture } from '../../../support/server-fixture.js';

describe('the age of a connection', () => {
  test('[RPC-12] once it is reached each answer asks the client for another connection', async () => {
    const fixture = new ServerFixture({ maxConnectionAgeMs: 60_000 });
    const client = await fixture.serve();
    // The scripted chance is a half: exactly its age.
    client.request(0);
    await fixture.clock.advance(59_999);
    client.request(2);
    client.request(4, { path: PUT });
    await fixture.clock.advance(1);
    client.request(6);
    client.request(8, { path: 'test.v1.TestService/Nothing' });
    await fixture.answerPut();
    const asked = [0, 2, 4, 6, 8].map((streamId) => client.status(streamId).reconnect === true);
    expect(asked).toEqual([false, false, true, true, true]);
    expect([client.status(4).code, client.log]).toEqual([Status.OK, ['stop 8 1']]);
  });

  test.each([
    [0, 54_000],
    [0.5, 60_000],
    [0.999, 65_988],
  ])('is spread by chance: at %d it is %d ms', async (fraction, ageMs) => {
    const fixture = new ServerFixture({ maxConnectionAgeMs: 60_000 });
    fixture.random.fractions.push(fraction);
    const client = await fixture.serve();
    await fixture.clock.advance(ageMs - 1);
    client.request(0);
    await fixture.clock.advance(1);
    client.request(2);
    await fixture.clock.advance(0);
    expect([client.status(0).reconnect, client.status(2).reconnect]).toEqual([undefined, true]);
  });

  test('does not matter by default', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    await fixture.clock.advance(30 * 24 * 3_600_000);
    client.request(0);
    await fixture.clock.advance(0);
    expect(client.status(0).reconnect).toBeUndefined();
  });

  test('[RPC-12] a server that shuts down asks too, in answers and refusals', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    void fixture.server.shutdown();
    client.request(2);
    await fixture.answerPut();
    expect([client.status(0).reconnect, client.status(2).reconnect]).toEqual([true, true]);
  });
});
