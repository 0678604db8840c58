/** The demo, and the hello programs: they run, and nothing of them is left. */
import { jest } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { ExampleProcess, runExample } from '../../support/example-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

jest.setTimeout(60_000);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const demoDirectories = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('udprpc-demo-'));

test('the demo fetches every sample image from a second process and proves it', async () => {
  const before = demoDirectories();
  const { code, stdout, stderr } = await runExample('demo');
  expect([code, stderr]).toEqual([0, '']);
  const [, server = ''] = /image server: process (\d+) on udp:\/\/127\.0\.0\.1:\d+/.exec(stdout) ?? [];
  expect(isRunning(Number(server))).toBe(false);
  const rows = stdout.split('\n').filter((line) => /  ok [0-9a-f]{16}$/.test(line));
  expect(rows.map((row) => row.split(' ')[0])).toEqual([
    'aurora.webp',
    'dunes.jpg',
    'julia.png',
    'mandelbrot-large.png',
    'ripples.gif',
  ]);
  expect(stdout).toMatch(/\nall 5 images arrived as they are\n$/);
  expect(demoDirectories()).toEqual(before);
});

test('a demo that is stopped takes its server along', async () => {
  const before = demoDirectories();
  const demo = new ExampleProcess('demo');
  const [, server = ''] = await demo.printed(/image server: process (\d+)/);
  expect((await demo.end('SIGTERM')).code).toBe(143);
  expect(isRunning(Number(server))).toBe(false);
  expect(demoDirectories()).toEqual(before);
});

test('the hello programs', async () => {
  const directory = temporaryDirectory({ 'a.png': 'abc', 'b.png': '' });
  const server = new ExampleProcess('hello-server', [directory, '127.0.0.1:0']);
  const [, url = ''] = await server.printed(/^listening on (\S+)$/m);
  expect((await runExample('hello-client', url, 'a.png')).stdout).toBe('3 of 3 bytes of a.png\n');
  expect((await runExample('hello-client', url, 'c.png')).stdout).toBe(
    'there is no c.png, but there is:\na.png\nb.png\n',
  );
  const { code, stdout } = await server.end('SIGINT');
  expect(code).toBe(0);
  expect(stdout).toContain('image.v1.ImageService/GetChunk');
});
