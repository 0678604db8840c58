/** A streaming call on which nothing moves is ended by its server too. */
import { Status } from 'nice-grpc-common';
import { settle } from '../../../support/manual-clock.js';
import { requestBytes } from '../../../support/served-transport.js';
import { ServerFixture } from '../../../support/server-fixture.js';

const CHAT = 'test.v1.TestService/Chat';

test('after streamIdleTimeoutMs: the client is told, the handler is aborted and its finally runs', async () => {
  const fixture = new ServerFixture({ streamIdleTimeoutMs: 100 });
  let hasEnded = false;
  const client = await fixture.serve({
    async *chat(requests, context) {
      fixture.contexts.push(context);
      try {
        for await (const { payload } of requests) yield { payload };
      } finally {
        hasEnded = true;
      }
    },
  });
  client.listener.onStreamOpened(0, false);
  client.deliver(0, requestBytes({ path: CHAT, timeoutMs: undefined }));
  await settle();
  expect(fixture.contexts[0]?.deadline).toBeUndefined();
  await fixture.clock.advance(99);
  client.deliver(0, requestBytes({}).slice(-2));
  await settle();
  await fixture.clock.advance(99);
  expect(hasEnded).toBe(false);
  await fixture.clock.advance(1);
  await settle();
  expect(client.status(0)).toMatchObject({
    code: Status.DEADLINE_EXCEEDED,
    details: "no message in either direction for 100 ms (the server's streamIdleTimeoutMs)",
  });
  expect([hasEnded, fixture.contexts[0]?.signal.aborted]).toEqual([true, true]);
  expect(fixture.clock.pendingTimers).toBe(0);
});
