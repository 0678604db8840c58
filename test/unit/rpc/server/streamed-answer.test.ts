/** A streamed answer as its server gives it: what ends it early ends the generator behind it. */
import { Status } from 'nice-grpc-common';
import { settle } from '../../../support/manual-clock.js';
import { ServerFixture } from '../../../support/server-fixture.js';
import { requestBytes } from '../../../support/served-transport.js';

const DOWNLOAD = 'test.v1.TestService/Download';
const UPLOAD = 'test.v1.TestService/Upload';

test('a generator that waits for room is closed when its call is cancelled', async () => {
  const fixture = new ServerFixture();
  let isClosed = false;
  const client = await fixture.serve({
    async *download() {
      try {
        for (;;) yield { payload: new Uint8Array(1_000) };
      } finally {
        isClosed = true;
      }
    },
  });
  client.room = 100;
  client.request(0, { path: DOWNLOAD });
  await settle();
  expect([isClosed, client.answer(0).writeCount]).toEqual([false, 1]);
  client.cancel(0);
  await settle();
  expect(isClosed).toBe(true);
  expect(fixture.ends).toMatchObject([{ code: Status.CANCELLED, wasStarted: true }]);
});

test('a client that ends its half because it was told to has cancelled nothing', async () => {
  const fixture = new ServerFixture();
  let answer: () => void = () => undefined;
  const client = await fixture.serve({
    upload: async (requests, context) => {
      fixture.contexts.push(context);
      for await (const request of requests) if (request.payload.length === 0) break;
      await new Promise<void>((resolve) => (answer = resolve));
      return { count: 1, size: 0n };
    },
  });
  client.listener.onStreamOpened(0, false);
  client.deliver(0, requestBytes({ path: UPLOAD }));
  await settle();
  expect(client.log).toEqual(['stop 0 0']);
  client.listener.onStreamReset(0, 0);
  expect(fixture.contexts[0]?.signal.aborted).toBe(false);
  answer();
  await settle();
  expect(client.status(0).code).toBe(Status.OK);
});

test('a request that is read makes no silence', async () => {
  const fixture = new ServerFixture({ streamIdleTimeoutMs: 100 });
  let read = 0;
  const client = await fixture.serve({
    upload: async (requests) => {
      for await (const { payload } of requests) read += 1 + payload.length;
      return {};
    },
  });
  client.listener.onStreamOpened(0, false);
  client.deliver(0, requestBytes({ path: UPLOAD }));
  for (let round = 0; round < 3; round++) {
    await fixture.clock.advance(90);
    client.deliver(0, requestBytes().slice(-2));
    await settle();
  }
  expect([read, client.answer(0).trailer]).toEqual([4, undefined]);
  await fixture.clock.advance(100);
  expect(client.status(0).code).toBe(Status.DEADLINE_EXCEEDED);
});
