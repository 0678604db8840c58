/** `udprpc gateway` as a process, either way: it says where it listens, carries calls, ends by a signal, and explains what cannot be. */
import { jest } from '@jest/globals';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { Status } from '../../../src/index.js';
import { certificates } from '../../support/certificates.js';
import { commandRun } from '../../support/command-run.js';
import { ExampleProcess } from '../../support/example-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { type Behaviour, bytes, outcome, text } from '../gateway/bytes-service.js';
import { grpcClient, serveGrpc } from '../gateway/grpc-end.js';
import { closeLater } from '../gateway/routes.js';
import { serveUdp, udpClient } from '../gateway/udp-end.js';

jest.setTimeout(60_000);

const echo: Behaviour = (call) => call.requests;

const start = (...args: string[]): ExampleProcess =>
  new ExampleProcess('udprpc', ['gateway', ...args], { folder: 'src/command' });

test('gRPC clients call a UDP server, until a signal', async () => {
  const server = closeLater(await serveUdp(echo));
  const target = `udp://127.0.0.1:${server.port}`;
  const gateway = start('--listen', '127.0.0.1:0', '--to', target);
  const [, port = ''] = await gateway.printed(
    /^listening on http:\/\/127\.0\.0\.1:(\d+), for calls of (\S+)$/m,
  );
  const client = closeLater(grpcClient(`127.0.0.1:${port}`));
  const { code, messages } = await outcome(client.call('Bidi', [bytes('a'), bytes('b')]));
  expect([code, messages.map(text)]).toEqual([Status.OK, ['a', 'b']]);
  await client.close();
  const { code: exitCode, stdout, stderr } = await gateway.end('SIGTERM');
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toBe(`listening on http://127.0.0.1:${port}, for calls of ${target}\n`);
});

test('UDP clients call a gRPC server, of messages as large as --max-message-bytes', async () => {
  const server = closeLater(await serveGrpc(echo));
  const target = `http://127.0.0.1:${server.port}`;
  const gateway = start('--listen', 'udp://127.0.0.1:0', '--to', target, '--max-message-bytes', '3');
  const [, port = ''] = await gateway.printed(/^listening on udp:\/\/127\.0\.0\.1:(\d+), for calls of \S+$/m);
  const client = closeLater(udpClient(`udp://127.0.0.1:${port}`));
  expect((await outcome(client.call('Unary', [bytes('abc')]))).code).toBe(Status.OK);
  expect((await outcome(client.call('Unary', [bytes('abcd')]))).code).toBe(Status.RESOURCE_EXHAUSTED);
});

test('with TLS on both sides', async () => {
  const { authority, localServer } = await certificates();
  const directory = temporaryDirectory({
    'ca.pem': authority.cert,
    'cert.pem': localServer.cert,
    'key.pem': localServer.key,
  });
  const file = (name: string): string => join(directory, name);
  const server = closeLater(await serveUdp(echo, { tls: localServer }));
  const listening = ['--listen', 'https://127.0.0.1:0', '--cert', file('cert.pem'), '--key', file('key.pem')];
  const gateway = start(...listening, '--to', `udps://localhost:${server.port}`, '--to-ca', file('ca.pem'));
  const [, port = ''] = await gateway.printed(/^listening on https:\/\/127\.0\.0\.1:(\d+), /m);
  const credentials = grpc.credentials.createSsl(Buffer.from(authority.cert));
  const client = closeLater(grpcClient(`localhost:${port}`, {}, credentials));
  expect((await outcome(client.call('Unary', [bytes('a')]))).code).toBe(Status.OK);
});

test.each([
  [['--listen', '127.0.0.1:0'], /--to <TARGET>' not specified/],
  [
    ['--listen', '127.0.0.1:0', '--to', 'http://127.0.0.1:1'],
    /gRPC clients are given a UDP server: --to udp/,
  ],
  [
    ['--listen', 'udp://127.0.0.1:0', '--to', 'udp://127.0.0.1:1'],
    /UDP clients are given a gRPC server: --to http/,
  ],
  [
    ['--listen', '0.0.0.0:0', '--to', 'udp://127.0.0.1:1'],
    /give a certificate, --cert and --key, or --insecure\n/,
  ],
  [
    ['--listen', 'https://127.0.0.1:0', '--to', 'udp://127.0.0.1:1'],
    /https:\/\/ takes a certificate: --cert and --key\n/,
  ],
  [
    ['--listen', 'udps://127.0.0.1:0', '--to', 'http://127.0.0.1:1'],
    /when it has a certificate: --cert and --key\n/,
  ],
  [
    ['--listen', '127.0.0.1:0', '--to', 'udp://10.0.0.1'],
    /leaves this machine: use udps:.*, or pass --insecure\n/,
  ],
  [
    ['--listen', '127.0.0.1:0', '--to', 'udp://127.0.0.1:1', '--cert', 'c'],
    /--cert and --key belong together/,
  ],
  [
    ['--listen', '127.0.0.1:0', '--to', 'udp://127.0.0.1:1', '--client-ca', 'c'],
    /--client-ca takes a gateway with TLS/,
  ],
  [
    ['--listen', '127.0.0.1:0', '--to', 'udp://127.0.0.1:1', '--max-message-bytes', '5g'],
    /a number of bytes/,
  ],
  [
    ['--listen', 'udp://127.0.0.1:0', '--to', 'http://127.0.0.1:1', '--to-fingerprint', 'AB'],
    /--to-fingerprint is for UDP servers: give --to-ca/,
  ],
  [['--listen', '127.0.0.1:0', '--to', 'udp://127.0.0.1:1', '--too-ca', 'c'], /--to-ca/],
])('%j cannot be: what is wrong, and 64', async (args, reason) => {
  const { code, stdout, stderr } = await commandRun('gateway', ...args);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr).toMatch(reason);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('its help fits a screen of 80 columns and 24 lines', async () => {
  const { code, stdout } = await commandRun('gateway', '--help');
  const lines = stdout.trimEnd().split('\n');
  expect([code, lines.length < 24, lines.filter((line) => line.length > 80)]).toEqual([0, true, []]);
});

test('a port in use is a failure, in one line', async () => {
  const server = closeLater(await serveGrpc(echo));
  const { code, stderr } = await start('--listen', `127.0.0.1:${server.port}`, '--to', 'udp://127.0.0.1:1')
    .ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^cannot listen on 127\.0\.0\.1:\d+: the port is in use.*\n$/);
});
