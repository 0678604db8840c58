/** The image commands over TLS: a certificate for development, certificates of `udprpc cert`, and what is said of wrong ones. */
import { jest } from '@jest/globals';
import { join } from 'node:path';
import { ExampleProcess, type Ended, runExample } from '../../support/example-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

jest.setTimeout(60_000);

const FINGERPRINT = /(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/;

async function startServer(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ readonly url: string; readonly server: ExampleProcess }> {
  const images = temporaryDirectory({ 'a.png': 'abc' });
  const server = new ExampleProcess('image-server', [images, '--port', '0', ...args], {
    env: { ...process.env, ...env },
  });
  const [, url = ''] = await server.printed(/^listening on (udps:\S+)$/m);
  return { url, server };
}

/** A directory with certificates of one authority: the server's, and those of the named clients. */
async function certificates(...clients: string[]): Promise<string> {
  const directory = temporaryDirectory();
  for (const args of [[], ...clients.map((name) => ['--client', name])]) {
    const options = { folder: 'src/command', cwd: directory };
    const { code, stderr } = await new ExampleProcess('udprpc', ['cert', ...args], options).ended;
    expect([code, stderr]).toEqual([0, '']);
  }
  return directory;
}

const list = (url: string, ...args: string[]): Promise<Ended> =>
  runExample('fetch-image', url, '--list', '--json', ...args);

test('--tls: the printed command fetches, after the next start too', async () => {
  const state = temporaryDirectory();
  const fingerprints = [];
  for (let start = 0; start < 2; start++) {
    const { url, server } = await startServer(['--tls'], { XDG_STATE_HOME: state });
    const [, command = ''] = await server.printed(/^npm run fetch-image -- (.*)$/m);
    const { code, stdout, stderr } = await runExample('fetch-image', ...command.split(' '), '--json');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'a.png' });
    expect(command).toMatch(new RegExp(`^${url} --list --fingerprint ${FINGERPRINT.source}$`));
    fingerprints.push(FINGERPRINT.exec(command)?.[0]);
    expect((await server.end()).stdout).toBe(
      `listening on ${url}\ncertificate for development, valid until ${untilOf(server)}; to fetch:\nnpm run fetch-image -- ${command}\n`,
    );
  }
  expect(fingerprints[1]).toBe(fingerprints[0]);
});

function untilOf(server: ExampleProcess): string {
  return /valid until (\d{4}-\d\d-\d\d);/.exec(server.stdout)?.[1] ?? '';
}

test('who is given no fingerprint, or another, fetches nothing', async () => {
  const { url, server } = await startServer(['--tls'], { XDG_STATE_HOME: temporaryDirectory() });
  const untrusting = await list(url);
  expect([untrusting.code, untrusting.stdout]).toEqual([1, '']);
  expect(untrusting.stderr).toMatch(
    /^UNAUTHENTICATED: .*: give its authority as --ca, or its own fingerprint as --fingerprint\n$/,
  );
  const other = await list(url, '--fingerprint', Array(32).fill('00').join(':'));
  expect([other.code, other.stdout]).toEqual([1, '']);
  expect(other.stderr).toMatch(/^UNAUTHENTICATED: .* another one than --fingerprint names/);
  const plain = await list(url.replace('udps', 'udp'));
  expect([plain.code, plain.stdout]).toEqual([1, '']);
  expect(plain.stderr).toMatch(/^UNAVAILABLE: .*the server speaks TLS only: use udps:\/\/\n$/);
  await server.end();
});

test('--host on every address: the command names this machine', async () => {
  const { server } = await startServer(['--tls', '--host', '0.0.0.0'], {
    XDG_STATE_HOME: temporaryDirectory(),
  });
  const [, command = ''] = await server.printed(/^npm run fetch-image -- (udps:\/\/127\.0\.0\.1:.*)$/m);
  expect((await runExample('fetch-image', ...command.split(' '))).code).toBe(0);
  await server.end();
});

test('--cert and --key: who trusts --ca fetches', async () => {
  const files = await certificates();
  const own = ['--cert', join(files, 'cert.pem'), '--key', join(files, 'key.pem')];
  const { url, server } = await startServer(own);
  const { code, stdout } = await list(url, '--ca', join(files, 'ca.pem'));
  expect([code, stdout]).toEqual([0, expect.stringContaining('a.png')]);
  expect((await list(url)).code).toBe(1);
  expect((await server.end()).stdout).toBe(`listening on ${url}\n`);
});

test('--request-cert: only clients of the authority are let in', async () => {
  const [files, foreign] = await Promise.all([certificates('alice'), certificates('mallory')]);
  const pair = (directory: string, prefix = ''): string[] => [
    ...['--cert', join(directory, `${prefix}cert.pem`)],
    ...['--key', join(directory, `${prefix}key.pem`)],
  ];
  const ca = ['--ca', join(files, 'ca.pem')];
  const { url, server } = await startServer([...pair(files), ...ca, '--request-cert']);
  expect((await list(url, ...ca, ...pair(files, 'alice-'))).code).toBe(0);
  const without = await list(url, ...ca);
  expect([without.code, without.stdout]).toEqual([1, '']);
  expect(without.stderr).toMatch(/^UNAUTHENTICATED: .* give --cert and --key\n$/);
  const stranger = await list(url, ...ca, ...pair(foreign, 'mallory-'));
  expect([stranger.code, stranger.stdout]).toEqual([1, '']);
  expect(stranger.stderr).toMatch(/^UNAUTHENTICATED: .*does not trust the client's certificate/);
  await server.end();
});

test('files that are no certificates of each other: one line, on both sides', async () => {
  const files = await certificates('alice');
  const path = (name: string): string => join(files, name);
  const mismatch = ['--cert', path('cert.pem'), '--key', path('alice-key.pem')];
  const line = `${path('alice-key.pem')} is not the key of ${path('cert.pem')}: give the two that were made together\n`;
  expect(await runExample('image-server', '--port', '0', ...mismatch)).toEqual({
    code: 1,
    stdout: '',
    stderr: line,
  });
  expect(await list('udps://127.0.0.1', ...mismatch)).toEqual({ code: 1, stdout: '', stderr: line });
  expect(await list('udps://127.0.0.1', '--ca', path('none.pem'))).toEqual({
    code: 1,
    stdout: '',
    stderr: `cannot read ${path('none.pem')}: there is no such file (ENOENT)\n`,
  });
});
