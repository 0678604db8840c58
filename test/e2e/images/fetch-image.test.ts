/** The fetch-image command between real processes: what it writes, prints and says, and what it leaves when it is stopped. */
import { jest } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type GetChunkRequest, type ImageEntry, ImageServiceDefinition } from '../../../src/images/index.js';
import { createServer, type Server } from '../../../src/index.js';
import { ExampleProcess, runExample, startImageServer } from '../../support/example-process.js';
import { patternBytes, temporaryDirectory } from '../../support/temporary-directory.js';

jest.setTimeout(60_000);

const gif = Buffer.from('R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=', 'base64');
const photo = patternBytes(700_000);
const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let source: string;
let url: string;
let server: ExampleProcess;
const servers: Server[] = [];

beforeAll(async () => {
  source = temporaryDirectory({ 'dot.gif': gif, 'photo.jpg': photo, 'sub/b.png': 'b' });
  ({ url, server } = await startImageServer(source));
});

afterAll(async () => {
  await server.end();
  await Promise.all(servers.map((each) => each.shutdown({ graceMs: 0 })));
});

/** An image server in this process that says what it is told to say. */
async function serverThatSays(entries: readonly Partial<ImageEntry>[], data = 'evil'): Promise<string> {
  const lying = createServer();
  const fields = { etag: 'e', totalSize: BigInt(data.length) };
  lying.add(ImageServiceDefinition, {
    list: () => ({ images: entries }),
    getMeta: ({ name }: { name: string }) => ({
      ...{ name, size: fields.totalSize, etag: 'e', mimeType: 'image/png\u001b[31m' },
      sha256: createHash('sha256').update(data).digest(),
    }),
    getChunk: ({ offset, length }: GetChunkRequest) => ({
      ...fields,
      data: Buffer.from(data).subarray(Number(offset), Number(offset) + length),
    }),
  });
  const port = await lying.listen('127.0.0.1:0');
  servers.push(lying);
  return `udp://127.0.0.1:${port}`;
}

/** Resolves when a file appears in `directory`, which is made: a fetch has begun to write. */
async function firstFileIn(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const watcher = watch(directory);
  await once(watcher, 'change');
  watcher.close();
}

describe('fetches', () => {
  test('an image, identical', async () => {
    const out = join(temporaryDirectory(), 'out');
    const { code, stdout, stderr } = await runExample('fetch-image', url, 'photo.jpg', '--out', out);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/\/out\/photo\.jpg: 700 kB in \d+\.\d\d s \(.*\/s\), SHA-256 verified\n$/);
    expect(Buffer.compare(readFileSync(join(out, 'photo.jpg')), photo)).toBe(0);
    expect(readdirSync(out)).toEqual(['photo.jpg']);
  });

  test('into the working directory when it is not told where', async () => {
    const cwd = temporaryDirectory();
    expect(await new ExampleProcess('fetch-image', [url, 'dot.gif'], { cwd }).ended).toMatchObject({
      code: 0,
    });
    expect(readFileSync(join(cwd, 'dot.gif'))).toEqual(gif);
  });

  test('all, as JSON for programs', async () => {
    const out = temporaryDirectory();
    const { code, stdout } = await runExample('fetch-image', url, '--all', '--json', '--out', out);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const seconds = expect.any(Number) as number;
    expect(lines).toEqual([
      { name: 'dot.gif', bytes: gif.length, seconds, sha256: sha256Of(gif), path: join(out, 'dot.gif') },
      { name: 'photo.jpg', bytes: 700_000, seconds, sha256: sha256Of(photo), path: join(out, 'photo.jpg') },
      {
        name: 'sub/b.png',
        bytes: 1,
        seconds,
        sha256: sha256Of(Buffer.from('b')),
        path: join(out, 'sub/b.png'),
      },
    ]);
  });

  test('the others when one is not there', async () => {
    const out = temporaryDirectory();
    const { code, stderr } = await runExample('fetch-image', url, 'gone.jpg', 'dot.gif', '--out', out);
    expect(code).toBe(1);
    expect(stderr).toBe(`NOT_FOUND: no image 'gone.jpg' on ${url} (--list shows what is there)\n`);
    expect(readdirSync(out)).toEqual(['dot.gif']);
  });

  test('nothing when there is nothing: not even the directory is made', async () => {
    const out = join(temporaryDirectory(), 'out');
    const { code, stdout, stderr } = await runExample('fetch-image', url, 'gone.jpg', '--out', out);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain("NOT_FOUND: no image 'gone.jpg'");
    expect(existsSync(out)).toBe(false);
  });

  test('the new version whole when the image is replaced meanwhile', async () => {
    const out = join(temporaryDirectory(), 'out');
    writeFileSync(join(source, 'changing.png'), '');
    truncateSync(join(source, 'changing.png'), 100_000_000);
    const newer = patternBytes(500_000, 7);
    writeFileSync(join(source, '.newer'), newer);
    const begun = firstFileIn(out);
    const fetching = new ExampleProcess('fetch-image', [url, 'changing.png', '--out', out]);
    await begun;
    renameSync(join(source, '.newer'), join(source, 'changing.png'));
    expect(await fetching.ended).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.compare(readFileSync(join(out, 'changing.png')), newer)).toBe(0);
    expect(readdirSync(out)).toEqual(['changing.png']);
  });
});

describe('shows', () => {
  test('a table of what is there', async () => {
    const { code, stdout, stderr } = await runExample('fetch-image', url, '--list');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ +SIZE +TYPE +MODIFIED \(UTC\) +NAME$/);
    expect(lines.some((line) => /^ +700 kB +jpeg +\d{4}-\d\d-\d\d \d\d:\d\d +photo\.jpg$/.test(line))).toBe(
      true,
    );
    expect(lines.every((line) => line.length <= 80)).toBe(true);
  });

  test('a table of what an image is', async () => {
    const { code, stdout } = await runExample('fetch-image', url, '--meta', 'dot.gif');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^dot\.gif\n {2}size {8}35 bytes\n {2}type {8}image\/gif \(gif\)\n {2}pixels {6}1 x 1\n/,
    );
    expect(stdout).toContain(sha256Of(gif));
    expect(stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
  });

  test('both as JSON', async () => {
    const list = await runExample('fetch-image', url, '--list', '--json');
    const meta = await runExample('fetch-image', url, '--meta', '--json', 'dot.gif');
    const listed = list.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const modified = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    expect(listed).toContainEqual({ name: 'dot.gif', bytes: 35, mimeType: 'image/gif', modified });
    expect(JSON.parse(meta.stdout)).toMatchObject({
      name: 'dot.gif',
      bytes: 35,
      width: 1,
      sha256: sha256Of(gif),
    });
  });

  test('nothing after its reader has left, and says nothing about it', async () => {
    const listing = new ExampleProcess('fetch-image', [url, '--list']);
    listing.child.stdout?.destroy();
    expect(await listing.ended).toMatchObject({ code: 141, stderr: '' });
  });
});

describe('a server that cannot be reached', () => {
  test('nobody listens there: what was tried, at once', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    socket.close();
    const { code, stderr } = await runExample('fetch-image', `udp://127.0.0.1:${port}`, 'a.jpg');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^UNAVAILABLE: .*127\\.0\\.0\\.1:${port} .*is an image server running there\\?\\)\\n$`),
    );
  });

  test('nobody answers there: within the timeout', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    const startedAt = performance.now();
    const { code, stderr } = await runExample(
      'fetch-image',
      `udp://127.0.0.1:${port}`,
      '--timeout',
      '1',
      '--list',
    );
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^DEADLINE_EXCEEDED after 1000 ms: .*127\\.0\\.0\\.1:${port}.*--timeout waits longer\\)\\n$`,
      ),
    );
    socket.close();
  });
});

describe('leaves nothing', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('when it is stopped by %s in the middle', async (signal, exitCode) => {
    const out = join(temporaryDirectory(), 'out');
    writeFileSync(join(source, 'large.png'), '');
    truncateSync(join(source, 'large.png'), 400_000_000);
    const begun = firstFileIn(out);
    const fetching = new ExampleProcess('fetch-image', [url, 'large.png', '--out', out]);
    await begun;
    expect(readdirSync(out)).toEqual([expect.stringMatching(/^\.large\.png\.partial-/)]);
    expect(await fetching.end(signal)).toEqual({
      code: exitCode,
      stdout: '',
      stderr: 'fetch-image: interrupted\n',
    });
    expect(readdirSync(out)).toEqual([]);
  });

  test('when the server dies in the middle, and says so', async () => {
    const out = join(temporaryDirectory(), 'out');
    const mortal = await startImageServer(source);
    writeFileSync(join(source, 'large.png'), '');
    truncateSync(join(source, 'large.png'), 400_000_000);
    const begun = firstFileIn(out);
    const fetching = new ExampleProcess('fetch-image', [
      mortal.url,
      'large.png',
      '--out',
      out,
      '--timeout',
      '3',
    ]);
    await begun;
    await mortal.server.end('SIGKILL');
    const { code, stderr } = await fetching.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^(UNAVAILABLE|DEADLINE_EXCEEDED).*\n$/);
    expect(readdirSync(out)).toEqual([]);
  });

  test('when the file may not grow any more, and says so', async () => {
    const out = temporaryDirectory();
    writeFileSync(join(source, 'large.png'), '');
    truncateSync(join(source, 'large.png'), 20_000_000);
    // In blocks of 1,024 bytes. The signal that comes with it is ignored, as it is under most shells' children.
    const wrapper = ['bash', '-c', 'trap "" XFSZ; ulimit -f 4000; exec "$@"', '-'];
    const { code, stderr } = await new ExampleProcess('fetch-image', [url, 'large.png', '--out', out], {
      wrapper,
    }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^RESOURCE_EXHAUSTED: cannot write \/.*\/large\.png: .* \(EFBIG\)\n$/);
    expect(readdirSync(out)).toEqual([]);
  });
});

describe('a server that lies', () => {
  test('cannot write outside of --out, nor to hidden files', async () => {
    const parent = temporaryDirectory();
    const out = join(parent, 'out');
    const names = ['../evil.png', `${parent}/evil.png`, '.bashrc', 'a/../../evil.png', 'good.png'];
    const target = await serverThatSays(names.map((name) => ({ name })));
    const { code, stderr } = await runExample('fetch-image', target, '--all', '--out', out);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toHaveLength(4);
    expect(stderr.match(/^INVALID_ARGUMENT: /gm)).toHaveLength(4);
    expect(readdirSync(parent)).toEqual(['out']);
    expect(readdirSync(out)).toEqual(['good.png']);
  });

  test('cannot steer the terminal', async () => {
    const target = await serverThatSays([
      { name: 'a\u001b]0;title\u0007\n.png', mimeType: 'image/\u001b[2J' },
    ]);
    for (const what of ['--list', '--meta', '--all']) {
      const { stdout, stderr } = await runExample('fetch-image', target, what, '--out', temporaryDirectory());
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    }
  });
});

/** A terminal of util-linux's `script` around the command. */
class Terminal extends ExampleProcess {
  constructor(args: readonly string[], cwd: string) {
    const wrapper = ['bash', '-c', 'exec script -qec "$*" /dev/null', '-'];
    super('fetch-image', args, {
      wrapper,
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, COLUMNS: '100' },
    });
  }

  /** Answers the question when it has been asked. */
  async answer(question: RegExp, keys: string): Promise<void> {
    await this.printed(question);
    this.child.stdin?.write(keys);
  }
}

const hasScript = spawnSync('script', ['--version']).status === 0;
(hasScript ? describe : describe.skip)('on a terminal', () => {
  test('asks for address, port, images and directory, and shows a bar', async () => {
    const cwd = temporaryDirectory();
    const terminal = new Terminal([], cwd);
    await terminal.answer(/Address of the image server\?/, '\r');
    await terminal.answer(/Port\?/, `${url.split(':').at(-1) ?? ''}\r`);
    // Down, once, from what is first.
    await terminal.answer(/Which of the \d+ images\?/, '\u001b[B \r');
    await terminal.answer(/Into which directory\?/, 'out\r');
    const { code, stdout } = await terminal.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('SHA-256 verified');
    expect(stdout).toMatch(/[█░]/);
    expect(readdirSync(join(cwd, 'out'))).toHaveLength(1);
  });

  test('Ctrl-C at a question leaves, and fetches nothing', async () => {
    const cwd = temporaryDirectory();
    const terminal = new Terminal([url], cwd);
    await terminal.answer(/Which of the \d+ images\?/, '\u0003');
    expect(await terminal.ended).toMatchObject({
      code: 130,
      stdout: expect.stringContaining('Nothing was fetched') as string,
    });
    expect(readdirSync(cwd)).toEqual([]);
  });
});

test.each([
  ['nothing', [], 'the URL of a server is missing'],
  ['no names', ['udp://127.0.0.1:5005'], 'name the images to fetch'],
  ['an unknown option', ['--what'], "unknown option '--what'"],
  ['a target that is none', ['http://127.0.0.1', 'a.png'], 'the scheme is udp://'],
  ['a target beyond this machine', ['udp://192.0.2.1', 'a.png'], '--insecure'],
  ['--timeout 0', ['udp://127.0.0.1', '--list', '--timeout', '0'], 'above 0'],
  ['--timeout in words', ['udp://127.0.0.1', '--list', '--timeout', 'soon'], "not 'soon'"],
  ['--cert without --key', ['udps://127.0.0.1', '--list', '--cert', 'a'], '--cert and --key belong together'],
  [
    'half a fingerprint',
    ['udps://127.0.0.1', '--list', '--fingerprint', 'AB:CD'],
    '--fingerprint: "AB:CD" is not',
  ],
  [
    'a fingerprint for plaintext',
    ['127.0.0.1', '--list', '--fingerprint', 'AB:CD'],
    '127.0.0.1 means plaintext, and certificates are named: use udps://127.0.0.1, or leave these flags out',
  ],
  ['--list and --meta', ['udp://127.0.0.1', '--list', '--meta'], 'exclude each other'],
  ['--list with names', ['udp://127.0.0.1', '--list', 'a.png'], '--list takes no names'],
  ['--all with names', ['udp://127.0.0.1', '--all', 'a.png'], '--all takes no names'],
])('wrong arguments, %s: one line, the usage, exit code 2', async (_, args, reason) => {
  const { code, stdout, stderr } = await runExample('fetch-image', ...args);
  expect([code, stdout]).toEqual([2, '']);
  const [first, second, third, ...rest] = stderr.split('\n');
  expect(first).toMatch(/^fetch-image: /);
  expect(first).toContain(reason);
  expect(second).toMatch(/^Usage: fetch-image \[URL\]/);
  expect([third, ...rest]).toEqual(['--help explains the options.', '']);
});

test('--help explains, on stdout', async () => {
  const { code, stdout, stderr } = await runExample('fetch-image', '--help');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('--out <DIR>');
  expect(
    stdout
      .split('\n')
      .filter((line) => !line.startsWith('Usage'))
      .every((line) => line.length <= 80),
  ).toBe(true);
});
