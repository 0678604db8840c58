/** docs/guides/observability.md. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SampleFolder } from '../../support/samples.js';

let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
}, 60_000);

test('a listener is told how a call went', async () => {
  await expect(samples.run('watched.ts')).resolves.toEqual([
    '/greeter.v1.GreeterService/Greet OK, attempts: 1',
  ]);
}, 30_000);

test('a logger is given records', async () => {
  const lines = await samples.run('logged.ts');
  const records = lines.map((line) => JSON.parse(line) as { event: string; message: string });
  expect(records).toContainEqual(
    expect.objectContaining({
      ...{ level: 'info', event: 'udprpc:client.call.end', code: 'NOT_FOUND', attempts: 1 },
      message: expect.stringMatching(
        /^\/greeter\.v1\.GreeterService\/Greet of .*: NOT_FOUND, nobody/,
      ) as string,
    }),
  );
  expect(records.map(({ event }) => event)).toContain('udprpc:connection.close');
}, 30_000);

test('metrics of a call', async () => {
  await expect(samples.run('metrics.ts')).resolves.toContain(
    'udprpc_client_calls_handled_total{method="/greeter.v1.GreeterService/Greet",code="OK"} 1',
  );
}, 30_000);

test('metrics for OpenTelemetry', async () => {
  const lines = await samples.run('measured.ts');
  expect(lines.sort()).toEqual([
    'rpc.client.call.duration (s)',
    'rpc.server.call.duration (s)',
    'udprpc.client.attempts ({attempt})',
    'udprpc.connections ({connection})',
  ]);
}, 30_000);

test('a call is two spans of one trace', async () => {
  await expect(samples.run('traced.ts')).resolves.toEqual([
    'CLIENT greeter.v1.GreeterService/Greet',
    'SERVER greeter.v1.GreeterService/Greet',
    'one trace: true',
  ]);
}, 30_000);

test('a qlog of each connection of a process that names no directory', async () => {
  const server = samples.start('served.ts');
  const [, port = ''] = await server.printed(/udp:\/\/127\.0\.0\.1:(\d+)/);
  await samples.runCommand('UDPRPC_QLOG_DIR=qlog npx udprpc ping udp://127.0.0.1:5005 -c 3 -i 0.2', {
    5005: port,
  });
  expect(readdirSync(join(samples.path, 'qlog'))).toEqual([expect.stringMatching(/\.sqlog$/)]);
}, 30_000);
