/** Sizes of messages that one method has for itself. */
import { Status } from 'nice-grpc-common';
import { TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import { settle } from '../../../support/manual-clock.js';
import { ADD, ECHO, echoRequest, PUT, ServerFixture } from '../../../support/server-fixture.js';

const LIMITS = {
  '*': { maxReceiveMessageBytes: 6 },
  echo: { maxReceiveMessageBytes: 20, maxSendMessageBytes: 10 },
};

async function limited(): Promise<Awaited<ReturnType<ServerFixture['connect']>>> {
  const fixture = new ServerFixture({ maxReceiveMessageBytes: 4, maxSendMessageBytes: 1_000 });
  fixture.server.add(TestServiceDefinition, fixture.implementation, LIMITS);
  return fixture.connect();
}

test('its own comes before that for all methods of the service, and that before the server’s', async () => {
  const client = await limited();
  client.request(0, { path: ECHO, message: echoRequest(1, 2, 3, 4, 5, 6) });
  client.request(4, { path: PUT, message: Uint8Array.of(10, 4, 97, 98, 99, 100, 16, 1) });
  await settle();
  expect(client.status(0).code).toBe(Status.OK);
  expect(client.status(4)).toMatchObject({
    code: Status.RESOURCE_EXHAUSTED,
    details:
      'the server refused the request: a message of 8 bytes is above ' +
      "the server's maxReceiveMessageBytes for test.v1.TestService/Put of 6 bytes",
  });
});

test('what the method may not send is refused in its name', async () => {
  const client = await limited();
  client.request(0, { path: ECHO, message: echoRequest(1, 2, 3, 4, 5, 6, 7, 8, 9) });
  await settle();
  expect(client.status(0)).toMatchObject({
    code: Status.RESOURCE_EXHAUSTED,
    details:
      'a response of 11 bytes is above the limit of 10 bytes ' +
      "(the server's maxSendMessageBytes of test.v1.TestService/Echo)",
  });
});

test('methods of other services keep the limits of the server', async () => {
  const fixture = new ServerFixture({ maxReceiveMessageBytes: 1 });
  const client = await fixture.serve();
  client.request(0, { path: ADD, message: Uint8Array.of(16, 1) });
  expect(client.status(0).details).toContain("above the server's maxReceiveMessageBytes of 1 bytes");
});

test.each([
  [{ nope: { maxSendMessageBytes: 1 } }, 'service test.v1.TestService has no method nope to limit'],
  [{ echo: { maxSendMessageBytes: -1 } }, 'echo.maxSendMessageBytes'],
])('what cannot be is refused where it is given: %j', (limits, message) => {
  const { server, implementation } = new ServerFixture();
  expect(() => {
    server.add(TestServiceDefinition, implementation, limits as typeof LIMITS);
  }).toThrow(message);
});
