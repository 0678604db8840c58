/** What is said to who calls the commands wrongly: what was wrong, what would be right, and an exit code. */
import { jest } from '@jest/globals';
import { createServer, Status } from '../../../src/index.js';
import { serveTestService } from '../../support/called-server.js';
import { commandRun } from '../../support/command-run.js';
import { closeAll, closeLater } from '../../support/tls-fixture.js';

jest.setTimeout(30_000);

const SERVICE = 'test.v1.TestService';

let target: string;

beforeAll(async () => {
  ({ target } = await serveTestService());
});

afterAll(closeAll);

test.each([
  [['test.v1.TestServce/Echo'], 'TARGET has no test.v1.TestServce: did you mean test.v1.TestService?'],
  [[`${SERVICE}/Ecko`], 'test.v1.TestService has no method Ecko: did you mean Echo?'],
  [
    [`${SERVICE}/Echo`, '-d', '{"paylod":""}'],
    'test.v1.EchoRequest has no field "paylod": did you mean payload?',
  ],
  [[`${SERVICE}/Echo`, '-d', '{} {}'], 'the method takes one message, and more than one JSON value is given'],
  [[`${SERVICE}/Echo`, '-d', '{"payload"'], 'the JSON ends in the middle of a value: "{\\"payload\\""'],
  [[`${SERVICE}/Upload`, '-d', '{} nonsense'], /^this is not JSON: nonsense \(.*\)$/],
  [[`${SERVICE}/Upload`, '-d', '{name:"x"}'], /^this is not JSON: \{name:"x"\} \(.*\)$/],
  [[`test.v1.EchoRequest/Echo`], 'test.v1.EchoRequest is no service: describe shows what it is'],
  [[`${SERVICE}/Echo`, '--proto', 'nowhere.proto'], /^cannot load nowhere\.proto: /],
  [
    [`${SERVICE}/Echo`, '--descriptors', 'package.json'],
    /^package\.json: the (bytes are no|descriptors are)/,
  ],
  [[`${SERVICE}/Echo`, '--ca', 'nowhere.pem'], /nowhere\.pem/],
])('call %j: one line that says what would be right, and 64', async (args, line) => {
  const { code, stdout, stderr } = await commandRun('call', target, ...args);
  expect([code, stdout]).toEqual([64, '']);
  const [first = '', ...rest] = stderr.split('\n');
  expect(first.replace(target, 'TARGET')).toEqual(
    typeof line === 'string' ? line : expect.stringMatching(line),
  );
  expect(rest).toEqual(['']);
});

test.each<[Parameters<typeof commandRun>, string | RegExp]>([
  [['call'], "error: missing required argument 'TARGET'"],
  [['call', 'HOST', 'Echo'], "'Echo' is no method: write SERVICE/METHOD, as in image.v1.ImageService/List"],
  [['call', 'HOST', 'a.B.C'], "'a.B.C' is no method: write SERVICE/METHOD, as in image.v1.ImageService/List"],
  [
    ['call', 'HOST', 'a.B/C', '-H', 'token'],
    "'token' is no header: write 'NAME: VALUE', a NAME-bin in base64",
  ],
  [
    ['call', 'HOST', 'a.B/C', '-H', 'token-bin: not base64!'],
    "'token-bin: not base64!' is no header: write 'NAME: VALUE', a NAME-bin in base64",
  ],
  [
    ['call', 'HOST', 'a.B/C', '-d', '@request.json'],
    "'@request.json' is no JSON: of a file, write -d @ < FILE",
  ],
  [['list'], 'TARGET is missing: a server, or --proto or --descriptors'],
  [['list', 'a', 'b', 'c'], /^error: too many arguments/],
  [['list', 'HOST', '-I', 'proto'], '-I is for the files of --proto'],
  [['list', '--proto', 'a', '--descriptors', 'b'], '--proto and --descriptors exclude each other'],
  [
    ['describe', '--proto', 'test/v1/test.proto', '-I', 'proto', 'HOST', 'a.B'],
    'with --proto or --descriptors there is no TARGET',
  ],
  [['health', 'tcp://127.0.0.1'], /: the scheme is udp:\/\/ or udps:\/\/, not tcp:\/\/$/],
  [['health', 'udp://example.com'], /is not encrypted and leaves this machine: .* \(--insecure\)$/],
  [
    ['health', 'udp://127.0.0.1', '--fingerprint', 'AB'],
    'udp://127.0.0.1 means plaintext, and certificates are named: use udps://127.0.0.1, or leave these flags out',
  ],
  [['health', 'HOST', '--timeout', 'soon'], /must be a number of seconds above 0/],
  [['health', 'HOST', '--cert', 'a.pem'], /^--cert and --key belong together/],
  [['health', 'HOST', '--wach'], /unknown option '--wach'.*--watch/],
  [['ping', 'HOST', '-c', '0'], /must be a number above 0/],
])('%j: what is wrong, and 64', async (args, line) => {
  const { code, stdout, stderr } = await commandRun(...args);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr.trimEnd()).toEqual(typeof line === 'string' ? line : expect.stringMatching(line));
});

test.each(['call', 'describe', 'health', 'list', 'ping'] as const)(
  'the help of %s fits a screen of 80 columns and 24 lines',
  async (name) => {
    const { code, stdout } = await commandRun(name, '--help');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThan(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  },
);

test('a server that nobody is at, and one of the other kind', async () => {
  const nobody = await commandRun('health', 'udp://127.0.0.1:1', '--timeout', '1');
  expect(nobody.code).toBe(Status.UNAVAILABLE);
  expect(nobody.stderr).toMatch(/^UNAVAILABLE: .*nobody listens there.*\n$/);
  const other = await commandRun('list', target.replace('udp:', 'udps:'));
  expect(other).toEqual({
    code: Status.UNAVAILABLE,
    stdout: '',
    stderr: `UNAVAILABLE: ${target.replace('udp://', '')} the server speaks plaintext only: use udp://\n`,
  });
});

test('a server without reflection, and without health', async () => {
  const server = createServer();
  closeLater(() => server.shutdown({ graceMs: 0 }));
  const bare = `udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`;
  const list = await commandRun('list', bare);
  expect(list.code).toBe(Status.UNIMPLEMENTED);
  expect(list.stderr).toMatch(/ \(without reflection, name what it offers by --proto or --descriptors\)\n$/);
  const health = await commandRun('health', bare);
  expect(health.code).toBe(Status.UNIMPLEMENTED);
  expect(health.stderr).toMatch(/^UNIMPLEMENTED: .*grpc\.health\.v1\.Health.*\n$/);
});
