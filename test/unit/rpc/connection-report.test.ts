import { CloseCode } from '../../../src/rpc/framing/reset-code.js';
import { NO_TRANSPORT_STATS } from '../../../src/rpc/stream-transport.js';
import { type ConnectionClosed, TransportErrorCode } from '../../../src/transport/transport-error.js';
import { ClientFixture } from '../../support/client-fixture.js';
import { RecordedDiagnostics } from '../../support/recorded-diagnostics.js';
import { ScriptedTransport } from '../../support/scripted-transport.js';
import { ServerFixture } from '../../support/server-fixture.js';

test('a connection of a client is told when there is a way to send, and when it has ended', async () => {
  const recorded = new RecordedDiagnostics();
  const fixture = new ClientFixture({}, recorded.diagnostics);
  const transport = new ScriptedTransport();
  transport.isSecure = true;
  fixture.echo();
  fixture.connector.connected(transport);
  const facts = { connection: {}, side: 'client', peer: '10.0.0.5:7000', isSecure: true };
  expect(recorded.of('udprpc:connection.open')).toEqual([
    { ...facts, sample: expect.any(Function) as unknown },
  ]);
  transport.measured = { datagramsSent: 3 };
  expect(recorded.of('udprpc:connection.open')[0]?.sample()).toMatchObject({ datagramsSent: 3 });
  await fixture.clock.advance(5);
  transport.becomeReady();
  await fixture.clock.advance(5);
  transport.measured = { datagramsSent: 9, smoothedRttMs: 4 };
  transport.closeWith('no packet for 30 s', 'idle');
  expect(recorded.of('udprpc:connection.close')).toEqual([
    {
      ...{ ...facts, by: 'idle', reason: 'no packet for 30 s', wasReady: true },
      ...{ isViolation: false, durationMs: 10 },
      stats: { ...NO_TRANSPORT_STATS, datagramsSent: 9, smoothedRttMs: 4 },
    },
  ]);
  const [open] = recorded.of('udprpc:connection.open');
  const [close] = recorded.of('udprpc:connection.close');
  expect(close?.connection).toBe(open?.connection);
});

test('a handshake that fails is a connection that was never ready', () => {
  const recorded = new RecordedDiagnostics();
  const fixture = new ClientFixture({}, recorded.diagnostics);
  fixture.echo({ retry: false });
  fixture.connector.connected().closeWith('no answer', 'handshakeTimeout');
  expect(recorded.of('udprpc:connection.close')).toMatchObject([{ by: 'handshakeTimeout', wasReady: false }]);
});

test.each<[string, Partial<ConnectionClosed>, boolean]>([
  ['closes with an error of the protocol', { by: 'peer', code: TransportErrorCode.PROTOCOL_VIOLATION }, true],
  [
    'is closed for an error of the protocol',
    { by: 'local', code: TransportErrorCode.FLOW_CONTROL_ERROR },
    true,
  ],
  ['is closed for a flood', { by: 'local', code: CloseCode.CANCEL_FLOOD, isApplication: true }, true],
  ['closes without an error', { by: 'peer', code: TransportErrorCode.NO_ERROR }, false],
  ['shuts down', { by: 'peer', code: CloseCode.SHUTDOWN, isApplication: true }, false],
  ['is silent', { by: 'idle', code: TransportErrorCode.NO_ERROR }, false],
])('a peer that %s', (_, closed, isViolation) => {
  const recorded = new RecordedDiagnostics();
  const fixture = new ClientFixture({}, recorded.diagnostics);
  fixture.echo({ retry: false });
  const transport = fixture.connector.connected();
  transport.listener.onClosed({ by: 'peer', code: 0, isApplication: false, reason: 'so', ...closed });
  expect(recorded.of('udprpc:connection.close')).toMatchObject([{ isViolation }]);
});

test('one that is ready when it comes was ready', () => {
  const recorded = new RecordedDiagnostics();
  const fixture = new ClientFixture({}, recorded.diagnostics);
  const transport = new ScriptedTransport();
  transport.isReady = transport.isHandshakeComplete = true;
  fixture.echo({ retry: false });
  fixture.connector.connected(transport).closeWith('gone');
  expect(recorded.of('udprpc:connection.close')).toMatchObject([{ wasReady: true }]);
});

test('a connection of a server', async () => {
  const recorded = new RecordedDiagnostics();
  const fixture = new ServerFixture({}, recorded.diagnostics);
  const client = await fixture.serve();
  client.listener.onReady();
  await fixture.clock.advance(7);
  client.lose();
  const facts = { connection: {}, side: 'server', peer: '10.0.0.9:50000', isSecure: false };
  expect(recorded.of('udprpc:connection.open')).toMatchObject([facts]);
  expect(recorded.of('udprpc:connection.close')).toMatchObject([
    { ...facts, by: 'idle', reason: 'no packet for 30 s', wasReady: true, durationMs: 7 },
  ]);
});
