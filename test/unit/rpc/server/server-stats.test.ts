import { ServerError, Status } from 'nice-grpc-common';
import { settle } from '../../../support/manual-clock.js';
import { ECHO, echoRequest, PUT, ServerFixture } from '../../../support/server-fixture.js';
import { ServedTransport } from '../../../support/served-transport.js';

const NOTHING = {
  ...{ connections: 0, connectionsAccepted: 0, connectionsRefused: 0 },
  ...{ calls: 0, callsEnded: {}, runningHandlers: 0 },
  ...{ datagramsSent: 0, datagramsReceived: 0, bytesSent: 0, bytesReceived: 0, packetsLost: 0 },
  ...{ packetsDamaged: 0, drops: {} },
};

test('a server that does not listen has counted nothing', () => {
  expect(new ServerFixture().server.stats()).toEqual(NOTHING);
});

test('calls are counted by how they ended, and those that run as running', async () => {
  const fixture = new ServerFixture();
  const client = await fixture.serve({
    echo: ({ payload }) => {
      if (payload.length === 0) throw new ServerError(Status.NOT_FOUND, 'nothing');
      return { payload };
    },
  });
  client.request(0, { path: ECHO, message: echoRequest(1) });
  client.request(2, { path: ECHO, message: echoRequest(2), sequence: 1 });
  client.request(4, { path: ECHO, message: echoRequest(), sequence: 2 });
  client.request(6, { path: 'test.v1.TestService/Missing', sequence: 3 });
  client.request(8, { path: PUT, sequence: 4 });
  await settle();
  expect(fixture.server.stats()).toMatchObject({
    calls: 1,
    runningHandlers: 1,
    callsEnded: { OK: 2, NOT_FOUND: 1, UNIMPLEMENTED: 1 },
  });
  await fixture.answerPut();
  expect(fixture.server.stats()).toMatchObject({
    calls: 0,
    runningHandlers: 0,
    callsEnded: { OK: 3, NOT_FOUND: 1, UNIMPLEMENTED: 1 },
  });
});

test('a call whose client has gone is open until its handler has settled', async () => {
  const fixture = new ServerFixture();
  const client = await fixture.serve();
  client.request(0, { path: PUT });
  client.cancel(0);
  expect(fixture.server.stats()).toMatchObject({ calls: 1, runningHandlers: 1, callsEnded: {} });
  await fixture.answerPut();
  expect(fixture.server.stats()).toMatchObject({
    calls: 0,
    runningHandlers: 0,
    callsEnded: { CANCELLED: 1 },
  });
});

test('traffic is that of the connections that are open and of those that were', async () => {
  const fixture = new ServerFixture();
  const first = await fixture.serve();
  const second = fixture.acceptor.connect(new ServedTransport());
  first.measured = { datagramsSent: 1, datagramsReceived: 2, bytesSent: 3, bytesReceived: 4 };
  second.measured = { datagramsSent: 10, packetsLost: 20, packetsDamaged: 30, bytesReceived: 40 };
  const both = {
    ...{ connectionsAccepted: 2, datagramsSent: 11, datagramsReceived: 2, bytesSent: 3 },
    ...{ bytesReceived: 44, packetsLost: 20, packetsDamaged: 30 },
  };
  expect(fixture.server.stats()).toEqual({ ...NOTHING, ...both, connections: 2 });
  first.lose();
  expect(fixture.server.stats()).toEqual({ ...NOTHING, ...both, connections: 1 });
  second.lose();
  expect(fixture.server.stats()).toEqual({ ...NOTHING, ...both, connections: 0 });
});

test('what reached no connection is told by why, as a copy', async () => {
  const fixture = new ServerFixture();
  await fixture.serve();
  Object.assign(fixture.acceptor.drops, { refused: 3, unknownConnection: 2 });
  const stats = fixture.server.stats();
  fixture.acceptor.drops['refused'] = 4;
  expect(stats).toMatchObject({ connectionsRefused: 3, drops: { refused: 3, unknownConnection: 2 } });
  expect(fixture.server.stats().connectionsRefused).toBe(4);
});
