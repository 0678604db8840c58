/** What tiny messages cost everybody else: no more than a share of each turn of the event loop. */
import { Status } from 'nice-grpc-common';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';
import { MESSAGES_PER_TURN } from '../../../../src/rpc/turn-share.js';
import { settle } from '../../../support/manual-clock.js';
import { ServerFixture } from '../../../support/server-fixture.js';
import { requestBytes } from '../../../support/served-transport.js';

const COUNT = 5_000;

test('a request of them is read in many turns', async () => {
  const fixture = new ServerFixture();
  let read = 0;
  const client = await fixture.serve({
    upload: async (requests) => {
      for await (const { payload } of requests) read += 1 + payload.length;
      return { count: read, size: 0n };
    },
  });
  const writer = new UnitWriter();
  for (let index = 1; index < COUNT; index++) writer.message(new Uint8Array());
  client.listener.onStreamOpened(0, false);
  client.deliver(0, requestBytes({ path: 'test.v1.TestService/Upload' }), writer.bytes.slice(), 'end');
  await settle();
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(2 * MESSAGES_PER_TURN);
  while (read < COUNT) await settle();
  await settle();
  expect(client.status(0).code).toBe(Status.OK);
});

test('an answer of them is written in many turns', async () => {
  const fixture = new ServerFixture();
  let given = 0;
  const client = await fixture.serve({
    async *download() {
      for (; given < COUNT; given++) yield {};
    },
  });
  client.request(0, { path: 'test.v1.TestService/Download' });
  await settle();
  expect(given).toBeGreaterThan(0);
  expect(given).toBeLessThanOrEqual(2 * MESSAGES_PER_TURN);
  while (given < COUNT) await settle();
  await settle();
  expect(client.answer(0).messages).toHaveLength(COUNT);
  expect(client.status(0).code).toBe(Status.OK);
});
