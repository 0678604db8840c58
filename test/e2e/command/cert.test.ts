/** `udprpc cert` as a process: the files it leaves, what it says, and that it spoils nothing. */
import { jest } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, ExampleProcess } from '../../support/example-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { tlsVerdict } from '../certificates/tls-verdict.js';

jest.setTimeout(60_000);

const COMMANDS = ['call', 'list', 'describe', 'health', 'ping', 'cert'];

/** In `cwd`; a new directory where nothing is looked at. */
function udprpc(args: readonly string[], cwd = temporaryDirectory()): Promise<Ended> {
  return new ExampleProcess('udprpc', args, { folder: 'src/command', cwd }).ended;
}

const textsIn = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  );

/** As a server or a client has them. */
function tlsIn(directory: string, prefix = ''): { cert: string; key: string; ca: string } {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  return { cert: read(`${prefix}cert.pem`), key: read(`${prefix}key.pem`), ca: read('ca.pem') };
}

test('a certificate for this machine, and how to use it', async () => {
  const directory = temporaryDirectory();
  const { code, stdout, stderr } = await udprpc(['cert'], directory);
  expect([code, stderr]).toEqual([0, '']);
  const { cert, key, ca } = tlsIn(directory);
  const { fingerprint256, validTo } = new X509Certificate(cert);
  const day = new Date(validTo).toISOString().slice(0, 10);
  expect(stdout).toBe(`cert.pem with key.pem for localhost, 127.0.0.1, ::1, valid until ${day}
signed by ca.pem, which is new, whose key is ca-key.pem
SHA-256 fingerprint ${fingerprint256}

server: createServer({ tls: { cert: readFileSync('cert.pem'), key: readFileSync('key.pem') } })
client: createChannel('udps://localhost:5005', { tls: { ca: readFileSync('ca.pem') } })
or, by the fingerprint above: { tls: { fingerprint256 } }
`);
  expect(Math.round((Date.parse(validTo) - Date.now()) / 86_400_000)).toBe(90);
  expect(await tlsVerdict({ cert, key }, { ca })).toBe('ok');
  const modes = readdirSync(directory)
    .sort()
    .map((name) => [name, statSync(join(directory, name)).mode & 0o077]);
  expect(modes).toEqual([
    ['ca-key.pem', 0],
    ['ca.pem', 0o044],
    ['cert.pem', 0o044],
    ['key.pem', 0],
  ]);
});

test('for other names, days and in another directory', async () => {
  const directory = temporaryDirectory();
  const args = ['cert', '*.cams.example', '::1', '--days', '825', '--out', 'made/here'];
  const { code, stdout } = await udprpc(args, directory);
  expect(code).toBe(0);
  expect(stdout).toContain("readFileSync('made/here/key.pem')");
  expect(stdout).toContain("'udps://any.cams.example:5005'");
  const { cert, key, ca } = tlsIn(join(directory, 'made/here'));
  expect(Math.round((Date.parse(new X509Certificate(cert).validTo) - Date.now()) / 86_400_000)).toBe(825);
  expect(await tlsVerdict({ cert, key }, { ca, servername: 'one.cams.example' })).toBe('ok');
});

test('what is there stays, unless it is forced; then the authority stays', async () => {
  const directory = temporaryDirectory();
  await udprpc(['cert'], directory);
  const before = textsIn(directory);
  expect(await udprpc(['cert'], directory)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'cert.pem exists: --force replaces it, --out writes into another directory\n',
  });
  expect(textsIn(directory)).toEqual(before);

  const { code, stdout } = await udprpc(['cert', '--force'], directory);
  expect([code, stdout]).toEqual([0, expect.stringContaining('signed by ca.pem, whose key is ca-key.pem\n')]);
  const after = textsIn(directory);
  expect(Object.keys(after)).toEqual(Object.keys(before));
  expect([after['ca.pem'], after['ca-key.pem']]).toEqual([before['ca.pem'], before['ca-key.pem']]);
  expect(after['cert.pem']).not.toBe(before['cert.pem']);
  const { cert, key } = tlsIn(directory);
  expect(await tlsVerdict({ cert, key }, { ca: before['ca.pem'] })).toBe('ok');
});

test('a client of the same authority', async () => {
  const directory = temporaryDirectory();
  await udprpc(['cert'], directory);
  const { code, stdout } = await udprpc(['cert', '--client', 'alice'], directory);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^alice-cert\.pem with alice-key\.pem for alice, valid until \d{4}-\d\d-\d\d\n/);
  expect(stdout).toContain('requestCert: true');
  expect(statSync(join(directory, 'alice-key.pem')).mode & 0o777).toBe(0o600);
  expect(await tlsVerdict({ ...tlsIn(directory), requestCert: true }, tlsIn(directory, 'alice-'))).toBe('ok');
});

test('two at the same time: one has made all of it, the other nothing', async () => {
  const directory = temporaryDirectory();
  const ends = await Promise.all([udprpc(['cert'], directory), udprpc(['cert'], directory)]);
  expect(ends.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(Object.keys(textsIn(directory))).toEqual(['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem']);
  const { cert, key, ca } = tlsIn(directory);
  expect(await tlsVerdict({ cert, key }, { ca })).toBe('ok');
});

test('where it cannot write it leaves nothing', async () => {
  const directory = temporaryDirectory({ file: 'content' });
  expect(await udprpc(['cert', '--out', 'file/inside'], directory)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'cannot write file/inside/ca-key.pem: a file is where a directory has to be (ENOTDIR)\n',
  });
  expect(textsIn(directory)).toEqual({ file: 'content' });
});

test('half an authority, a damaged one, and one that is none', async () => {
  const directory = temporaryDirectory();
  await udprpc(['cert'], directory);
  const anew = '; without ca.pem and ca-key.pem a new authority is made\n';
  rmSync(join(directory, 'ca-key.pem'));
  const half = await udprpc(['cert', '--force'], directory);
  expect(half.stderr).toBe(`cannot read ca-key.pem: there is no such file (ENOENT)${anew}`);
  writeFileSync(join(directory, 'ca-key.pem'), readFileSync(join(directory, 'key.pem')));
  const foreign = await udprpc(['cert', '--force'], directory);
  expect(foreign.stderr).toBe(
    `ca-key.pem is not the key of ca.pem: give the two that were made together${anew}`,
  );
  writeFileSync(join(directory, 'ca.pem'), readFileSync(join(directory, 'cert.pem')));
  const none = await udprpc(['cert', '--force'], directory);
  expect(none).toEqual({
    code: 1,
    stdout: '',
    stderr: 'ca.pem is no certificate of an authority: --out writes into another directory\n',
  });
});

test.each([
  [[], 'udprpc: a command is missing', 'udprpc COMMAND'],
  [['cret'], "udprpc: unknown command 'cret' (Did you mean cert?)", 'udprpc COMMAND'],
  [['--cert'], "udprpc: unknown option '--cert'", 'udprpc COMMAND'],
  [
    ['cert', '--days', '826'],
    /^udprpc cert: option '--days <N>' argument '826' is invalid\. It must be a number from 1 to 825\./,
  ],
  [['cert', '--forced'], /^udprpc cert: unknown option '--forced'/],
  [
    ['cert', 'localhost:5005'],
    'udprpc cert: no certificate for "localhost:5005": leave out the port: a certificate is for all of them',
  ],
  [['cert', '--client', 'ca'], 'udprpc cert: no client "ca": ca-key.pem is the key of the authority'],
  [['cert', 'localhost', '--client', 'alice'], 'udprpc cert: --client takes no names of a server'],
])(
  'wrong arguments %j: one line, the usage, and 64',
  async (args, line, usage = 'udprpc cert [NAME...] [--client NAME] [--out DIR] [--days N] [--force]') => {
    const directory = temporaryDirectory();
    const { code, stdout, stderr } = await udprpc(args, directory);
    expect([code, stdout]).toEqual([64, '']);
    const [first, ...others] = stderr.split('\n');
    expect(first).toEqual(typeof line === 'string' ? line : expect.stringMatching(line));
    expect(others).toEqual([`Usage: ${usage}`, '--help explains the options.', '']);
    expect(readdirSync(directory)).toEqual([]);
  },
);

test.each([['--help'], ...COMMANDS.map((name) => [name, '--help']), ['help', 'cert']])(
  '%s %s fits one screen of 80 columns',
  async (...args) => {
    const { code, stdout, stderr } = await udprpc(args);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toContain(args.find((word) => !word.includes('help')) ?? COMMANDS.at(-1));
  },
);

test('--version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(await udprpc(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});
