import { Status } from 'nice-grpc-common';
import { settle } from '../../../support/manual-clock.js';
import { RecordedDiagnostics } from '../../../support/recorded-diagnostics.js';
import { ECHO, echoRequest, PUT, ServerFixture } from '../../../support/server-fixture.js';
import { type ServedTransport } from '../../../support/served-transport.js';

const PEER = '10.0.0.9:50000';
const REQUEST = `${'ab'.repeat(16)}-0`;

let recorded: RecordedDiagnostics;
let fixture: ServerFixture;
let client: ServedTransport;

beforeEach(async () => {
  recorded = new RecordedDiagnostics();
  fixture = new ServerFixture({}, recorded.diagnostics);
  client = await fixture.serve();
});

test('a call is told when its header has come and when it is over, with one object that stands for it', async () => {
  client.request(0, { path: PUT });
  const facts = { call: {}, path: `/${PUT}`, isServed: true, peer: PEER, requestId: REQUEST };
  expect(recorded.of('udprpc:server.call.start')).toEqual([facts]);
  expect(recorded.of('udprpc:server.call.end')).toEqual([]);
  await fixture.clock.advance(25);
  await fixture.answerPut();
  expect(recorded.of('udprpc:server.call.end')).toEqual([
    { ...facts, code: Status.OK, details: '', durationMs: 25, wasStarted: true },
  ]);
  const [start] = recorded.of('udprpc:server.call.start');
  const [end] = recorded.of('udprpc:server.call.end');
  expect(end?.call).toBe(start?.call);
});

test('a call that is refused is told too', async () => {
  client.request(0, { path: 'test.v1.TestService/Missing' });
  await settle();
  expect(recorded.names).toEqual(['connection.open', 'server.call.start', 'server.call.end']);
  expect(recorded.of('udprpc:server.call.end')).toMatchObject([
    { path: '/test.v1.TestService/Missing', isServed: false, code: Status.UNIMPLEMENTED, wasStarted: false },
  ]);
});

test('tools are told without a listener of the server, and the server’s listeners without tools', async () => {
  fixture.server.removeAllListeners('call');
  client.request(0, { message: echoRequest(1) });
  await settle();
  expect([fixture.ends.length, recorded.of('udprpc:server.call.end').length]).toEqual([0, 1]);
  recorded.isListening = false;
  fixture.server.on('call', (end) => fixture.ends.push(end));
  client.request(2, { message: echoRequest(1), sequence: 1 });
  await settle();
  expect([fixture.ends.length, recorded.of('udprpc:server.call.end').length]).toEqual([1, 1]);
});

test.each([ECHO, 'test.v1.TestService/Upload'])(
  'a listener may shut the server down when a call comes: it is refused, and starts nothing: %s',
  async (path) => {
    recorded.onEvent = (name) => {
      if (name === 'udprpc:server.call.start') void fixture.server.shutdown();
    };
    client.request(0, { path, message: echoRequest(1) });
    await settle();
    expect(client.status(0)).toMatchObject({ code: Status.UNAVAILABLE, notStarted: true });
    expect(fixture.contexts).toEqual([]);
    expect(fixture.errors).toEqual([]);
    expect(recorded.of('udprpc:server.call.end')).toMatchObject([
      { code: Status.UNAVAILABLE, wasStarted: false },
    ]);
  },
);
