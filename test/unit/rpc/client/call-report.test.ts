import { Status } from 'nice-grpc-common';
import { EchoResponse } from '../../../../generated/test/v1/test.js';
import { type DiagnosticsEvents } from '../../../../src/rpc/diagnostics.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { RecordedDiagnostics } from '../../../support/recorded-diagnostics.js';
import { type ScriptedTransport } from '../../../support/scripted-transport.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();
const ECHO = '/test.v1.TestService/Echo';
const TARGET = 'udp://10.0.0.5:7000';
const PEER = '10.0.0.5:7000';

let recorded: RecordedDiagnostics;
let fixture: ClientFixture;
let transport: ScriptedTransport;

beforeEach(() => {
  recorded = new RecordedDiagnostics();
  fixture = new ClientFixture({}, recorded.diagnostics);
});

/** A call on a ready connection, on stream 0. */
function started(options?: Parameters<ClientFixture['echo']>[0]): ReturnType<ClientFixture['echo']> {
  const call = fixture.echo(options);
  transport = fixture.connector.ready();
  return call;
}

/** Those that end together do so in any order. */
function endsByAttempt(): DiagnosticsEvents['udprpc:client.attempt.end'][] {
  return recorded.of('udprpc:client.attempt.end').sort((a, b) => a.attempt - b.attempt);
}

test('a call, its attempt, its connection and its channel are told, with one object that stands for the call', async () => {
  started();
  Object.assign(transport.packetCounts, { packetsSent: 3, packetsReceived: 2, packetsLost: 1 });
  transport.measured = { smoothedRttMs: 7 };
  await fixture.clock.advance(12);
  transport.answer(0, answer);
  await settle();
  expect(recorded.names).toEqual([
    'client.call.start',
    'client.attempt.start',
    'channel.state',
    'connection.open',
    'channel.state',
    'client.attempt.end',
    'client.call.end',
  ]);
  const [start] = recorded.of('udprpc:client.call.start');
  const call = start?.call;
  expect(start).toEqual({ call: {}, path: ECHO, target: TARGET });
  expect(recorded.of('udprpc:client.attempt.start')).toEqual([
    { call: {}, path: ECHO, target: TARGET, attempt: 1 },
  ]);
  expect(recorded.of('udprpc:client.attempt.end')).toEqual([
    {
      ...{ call: {}, path: ECHO, target: TARGET, attempt: 1, peer: PEER },
      ...{ code: Status.OK, details: '', maybeExecuted: true, durationMs: 12, rttMs: 7 },
      ...{ packetsSent: 3, packetsReceived: 2, packetsLost: 1 },
    },
  ]);
  expect(recorded.of('udprpc:client.call.end')).toEqual([
    {
      ...{ call: {}, path: ECHO, target: TARGET, code: Status.OK, details: '' },
      ...{ durationMs: 12, attempts: 1, error: undefined },
    },
  ]);
  for (const { name, payload } of recorded.events) {
    if (name.startsWith('udprpc:client.')) expect((payload as { call: object }).call).toBe(call);
  }
  expect(recorded.of('udprpc:channel.state')).toEqual([
    { channel: {}, target: TARGET, from: 'idle', to: 'connecting', reason: 'a call wants to be sent' },
    { channel: {}, target: TARGET, from: 'connecting', to: 'ready', reason: `connected to ${PEER}` },
  ]);
});

test('a call that is retried has an end for each attempt, the last one with what its caller gets', async () => {
  const call = started({ retry: { attempts: 2, initialDelayMs: 10 } });
  transport.refuse(0, Status.UNAVAILABLE, 'busy');
  await fixture.clock.advance(20);
  transport.refuse(2, Status.UNAVAILABLE, 'busier');
  await settle();
  expect(recorded.of('udprpc:client.attempt.start').map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect(recorded.of('udprpc:client.attempt.end').map(({ attempt, details }) => [attempt, details])).toEqual([
    [1, 'busy'],
    [2, 'busier'],
  ]);
  const [end] = recorded.of('udprpc:client.call.end');
  expect(end).toMatchObject({ code: Status.UNAVAILABLE, details: 'busier', attempts: 2 });
  expect(end?.error).toBe(call.error);
  expect(recorded.names.at(-1)).toBe('client.call.end');
});

test('the attempts that run when the deadline comes end with it, before the call', async () => {
  started({ hedge: { attempts: 2, delayMs: 10 }, timeoutMs: 30 });
  await fixture.clock.advance(30);
  expect(endsByAttempt().map(({ attempt, code, durationMs }) => [attempt, code, durationMs])).toEqual([
    [1, Status.DEADLINE_EXCEEDED, 30],
    [2, Status.DEADLINE_EXCEEDED, 20],
  ]);
  expect(recorded.of('udprpc:client.call.end')).toMatchObject([{ code: Status.DEADLINE_EXCEEDED }]);
  expect(recorded.names.at(-1)).toBe('client.call.end');
});

test('the attempt that lost to a hedge is CANCELLED', async () => {
  started({ hedge: { attempts: 2, delayMs: 10 } });
  await fixture.clock.advance(10);
  transport.answer(2, answer);
  await settle();
  expect(endsByAttempt().map(({ attempt, code }) => [attempt, code])).toEqual([
    [1, Status.CANCELLED],
    [2, Status.OK],
  ]);
});

test('a call that never had a connection has an attempt without a peer', async () => {
  fixture.echo({ retry: false });
  fixture.connector.failed('nobody is there');
  await settle();
  expect(recorded.of('udprpc:client.attempt.end')).toMatchObject([
    { peer: undefined, code: Status.UNAVAILABLE, details: 'nobody is there', packetsSent: 0 },
  ]);
});

test('a call that is refused before it has an attempt still has a start and an end', async () => {
  const call = fixture.echo({ signal: AbortSignal.abort() });
  await settle();
  expect(recorded.names).toEqual(['client.call.start', 'client.call.end']);
  const [end] = recorded.of('udprpc:client.call.end');
  expect(end).toMatchObject({ code: Status.CANCELLED, attempts: 0, error: call.failure });
});

test('what the caller’s iterable throws is told as it is, with CANCELLED', async () => {
  const thrown = new Error('no more disk');
  const upload = fixture.client.upload(
    (async function* () {
      yield {};
      throw thrown;
    })(),
  );
  fixture.connector.ready();
  await expect(upload).rejects.toBe(thrown);
  const [end] = recorded.of('udprpc:client.call.end');
  expect(end).toMatchObject({
    code: Status.CANCELLED,
    details: "the request's iterable threw: no more disk",
  });
  expect(end?.error).toBe(thrown);
});

test('a caller who leaves a stream has cancelled the call, without an error', async () => {
  const answers = fixture.client.download({})[Symbol.asyncIterator]();
  const next = answers.next();
  fixture.connector.ready().deliver(0, Uint8Array.of());
  await answers.return?.();
  await next.catch(() => undefined);
  expect(recorded.of('udprpc:client.call.end')).toMatchObject([{ code: Status.CANCELLED, error: undefined }]);
});

test('a listener may end the call when its attempt begins: nothing of it is sent, and all of it is told', async () => {
  const controller = new AbortController();
  fixture.echo();
  transport = fixture.connector.ready();
  recorded.events.length = 0;
  recorded.onEvent = (name) => {
    if (name === 'udprpc:client.attempt.start') controller.abort();
  };
  const call = fixture.echo({ signal: controller.signal });
  await settle();
  expect(call.error.code).toBe(Status.CANCELLED);
  expect(transport.streamCount).toBe(1);
  expect(recorded.names).toEqual([
    'client.call.start',
    'client.attempt.start',
    'client.attempt.end',
    'client.call.end',
  ]);
});

test('a listener may close the channel on a state', async () => {
  recorded.onEvent = (name) => {
    if (name === 'udprpc:channel.state') void fixture.channel.close();
  };
  const call = fixture.echo();
  await settle();
  expect(call.error.code).toBe(Status.CANCELLED);
  expect(recorded.of('udprpc:channel.state').map(({ to }) => to)).toEqual(['connecting', 'closed']);
});

test('who comes in the middle of a call gets its end', async () => {
  recorded.isListening = false;
  started();
  recorded.isListening = true;
  transport.answer(0, answer);
  await settle();
  expect(recorded.names).toEqual(['client.attempt.end', 'client.call.end']);
  const [first, second] = recorded.events.map(({ payload }) => (payload as { call: object }).call);
  expect(first).toBe(second);
});
