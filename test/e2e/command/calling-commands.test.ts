/** `udprpc call`, `list`, `describe`, `health` and `ping` at a server; as processes where input, exit codes or signals are meant. */
import { jest } from '@jest/globals';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileDescriptorSet as testDescriptors } from '../../../generated/test/v1/test.descriptors.js';
import { HealthDefinition, HealthService } from '../../../src/health/index.js';
import { createServer, Status } from '../../../src/index.js';
import { serveTestService } from '../../support/called-server.js';
import { certificates } from '../../support/certificates.js';
import { ExampleProcess, type ExampleOptions } from '../../support/example-process.js';
import { commandRun } from '../../support/command-run.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { closeAll, closeLater } from '../../support/tls-fixture.js';

jest.setTimeout(120_000);

const SERVICE = 'test.v1.TestService';
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let target: string;
let health: HealthService;

beforeAll(async () => {
  ({ target, health } = await serveTestService());
});

afterAll(closeAll);

function start(args: readonly string[], options: ExampleOptions = {}): ExampleProcess {
  return new ExampleProcess('udprpc', args, { folder: 'src/command', cwd: ROOT, ...options });
}

const withInput = (args: readonly string[]): ExampleProcess =>
  start(args, { stdio: ['pipe', 'pipe', 'pipe'] });

test('list: services, and the methods of one', async () => {
  expect(await commandRun('list', target)).toEqual({
    code: 0,
    stdout: `grpc.health.v1.Health\ngrpc.reflection.v1.ServerReflection\n${SERVICE}\n`,
    stderr: '',
  });
  const methods = ['Echo', 'Put', 'Add', 'Download', 'Upload', 'Chat'].map((name) => `${SERVICE}/${name}\n`);
  expect((await commandRun('list', '--proto', 'test/v1/test.proto', '-I', 'proto', SERVICE)).stdout).toBe(
    methods.join(''),
  );
});

test('describe: a method and a message', async () => {
  expect((await commandRun('describe', target, `${SERVICE}/Chat`)).stdout).toBe(
    'rpc Chat(stream test.v1.ChatRequest) returns (stream test.v1.ChatResponse);\n',
  );
  expect((await commandRun('describe', target, 'test.v1.PutRequest')).stdout).toBe(
    'message test.v1.PutRequest {\n  string key = 1;\n  int64 value = 2;\n}\n',
  );
});

test('call: one request, one answer; -v shows metadata and times beside it', async () => {
  const args = ['-d', '{"payload":"aGVsbG8="}', '-H', 'token: secret', '-v'];
  const { code, stdout, stderr } = await commandRun('call', target, `${SERVICE}/Echo`, ...args);
  expect([code, stdout]).toEqual([0, '{"payload":"aGVsbG8="}\n']);
  const [header, trailer, times, ...rest] = stderr.split('\n');
  expect([header, trailer, rest]).toEqual(['header seen: secret', 'trailer sum-bin: AQI=', ['']]);
  expect(times).toMatch(/^\d+\.\d ms, 1 attempt, round trip \d+\.\d ms, 127\.0\.0\.1:\d+$/);
});

test('call: without reflection, by .proto files and by descriptor sets; 64-bit integers are exact', async () => {
  const descriptors = join(temporaryDirectory({ 'test.binpb': testDescriptors }), 'test.binpb');
  const data = ['-d', '{"value": -9007199254740993}'];
  for (const known of [
    ['--descriptors', descriptors],
    ['--proto', 'test/v1/test.proto', '-I', 'proto'],
  ]) {
    expect(await commandRun('call', target, `${SERVICE}/Put`, ...data, ...known)).toEqual({
      code: 0,
      stdout: '{"value":"-9007199254740993"}\n',
      stderr: '',
    });
  }
});

test('call: a request stream from the command line, and one from stdin, answered as it comes', async () => {
  const upload = await commandRun(
    'call',
    target,
    `${SERVICE}/Upload`,
    '-d',
    '{"payload":"AAAA"} {"payload":"AA=="}{}',
  );
  expect(upload).toEqual({ code: 0, stdout: '{"count":3,"size":"4"}\n', stderr: '' });

  const chat = withInput(['call', target, `${SERVICE}/Chat`, '-d', '@']);
  chat.child.stdin?.write('{"payload":"AQ=="}');
  await chat.printed(/^\{"payload":"AQ=="\}\n$/);
  chat.child.stdin?.write('{\n"payload":"Ag=="}\n');
  await chat.printed(/\{"payload":"Ag=="\}\n$/);
  chat.child.stdin?.end();
  expect(await chat.ended).toMatchObject({ code: 0, stderr: '' });
});

test('call: the status is the exit code, and what the server says cannot steer the terminal', async () => {
  const data = JSON.stringify({
    failWithCode: Status.FAILED_PRECONDITION,
    failWithDetails: 'no \u001b[2J\u202efilm',
  });
  expect(await start(['call', target, `${SERVICE}/Echo`, '-d', data]).ended).toEqual({
    code: Status.FAILED_PRECONDITION,
    stdout: '',
    stderr: 'FAILED_PRECONDITION: no ?[2J?film\n',
  });
  expect(await start(['call', target]).ended).toEqual({
    code: 64,
    stdout: '',
    stderr:
      "udprpc call: missing required argument 'METHOD'\n" +
      'Usage: udprpc call TARGET SERVICE/METHOD [-d JSON | -d @] [-H HEADER] [-v]\n' +
      '--help explains the options.\n',
  });
});

test('call: a reader that leaves ends the call, quietly', async () => {
  const { target: own, ended } = await serveTestService();
  const endless = start(['call', own, `${SERVICE}/Download`, '-d', '{"size":1000}']);
  await endless.printed(/\n/);
  endless.child.stdout?.destroy();
  expect(await endless.ended).toMatchObject({ code: 141, stderr: '' });
  expect(await ended).toMatchObject({ code: Status.CANCELLED });
});

test('call: Ctrl-C cancels the call', async () => {
  const { target: own, ended } = await serveTestService();
  const waiting = withInput(['call', own, `${SERVICE}/Chat`, '-d', '@']);
  waiting.child.stdin?.write('{}');
  await waiting.printed(/^\{\}\n/);
  expect(await waiting.end('SIGINT')).toMatchObject({ code: 130, stderr: 'udprpc call: interrupted\n' });
  expect(await ended).toMatchObject({ code: Status.CANCELLED });
});

test('health: the status, and the exit code of it', async () => {
  health.setStatus(SERVICE, 'NOT_SERVING');
  expect(await commandRun('health', target)).toEqual({ code: 0, stdout: 'SERVING\n', stderr: '' });
  expect(await commandRun('health', target, SERVICE)).toEqual({
    code: 14,
    stdout: 'NOT_SERVING\n',
    stderr: '',
  });
  expect((await commandRun('health', target, 'a.B')).code).toBe(Status.NOT_FOUND);
});

test('health --watch: each change, until the server shuts down', async () => {
  const server = createServer();
  const own = new HealthService(server);
  server.add(HealthDefinition, own);
  const port = await server.listen('127.0.0.1:0');
  const watch = start(['health', `udp://127.0.0.1:${port}`, SERVICE, '--watch']);
  await watch.printed(/^SERVICE_UNKNOWN\n$/);
  own.setStatus(SERVICE, 'SERVING');
  await watch.printed(/SERVING\n$/);
  await server.shutdown();
  expect(await watch.ended).toEqual({
    code: Status.UNAVAILABLE,
    stdout: 'SERVICE_UNKNOWN\nSERVING\nNOT_SERVING\n',
    stderr: 'UNAVAILABLE: the server is shutting down\n',
  });
});

test('ping: each round trip and their minimum, median and maximum', async () => {
  const { code, stdout, stderr } = await commandRun('ping', target, '-c', '3', '-i', '0.01');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.replaceAll(/\d+\.\d\d/g, 'T').split('\n')).toEqual([
    `connected to ${target.replace('udp://', '')} in T ms`,
    'answer 1 in T ms',
    'answer 2 in T ms',
    'answer 3 in T ms',
    '',
    `${target}: 3 calls, 3 answers, 0 % lost`,
    'round trip min/median/max T/T/T ms',
    '',
  ]);
});

test('ping: any server will do, and Ctrl-C ends it with the summary', async () => {
  const server = createServer();
  closeLater(() => server.shutdown());
  const ping = start(['ping', `127.0.0.1:${await server.listen('127.0.0.1:0')}`, '-i', '0.01']);
  await ping.printed(/answer 2 in/);
  const { code, stdout, stderr } = await ping.end('SIGINT');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/\d+ calls, \d+ answers, 0 % lost\nround trip min\/median\/max .* ms\n$/);
});

test('TLS: --ca, and what is said without it', async () => {
  const { localServer, authority } = await certificates();
  const { target: secure } = await serveTestService({ tls: localServer });
  const ca = join(temporaryDirectory({ 'ca.pem': authority.cert }), 'ca.pem');
  expect(await commandRun('health', secure, '--ca', ca)).toEqual({
    code: 0,
    stdout: 'SERVING\n',
    stderr: '',
  });
  const untrusted = await commandRun('health', secure);
  expect(untrusted.code).toBe(Status.UNAUTHENTICATED);
  expect(untrusted.stderr).toMatch(/^UNAUTHENTICATED: .*--ca/);
});
