/** docs/guides/images.md: its commands and its program, with images of the folder `photos`. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOP } from '../../support/markdown.js';
import { SampleFolder } from '../../support/samples.js';

const IMAGES = join(TOP, 'examples', 'images');
let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
  mkdirSync(join(samples.path, 'photos'));
  copyFileSync(join(IMAGES, 'dunes.jpg'), join(samples.path, 'photos', 'cat.jpg'));
  copyFileSync(join(IMAGES, 'julia.png'), join(samples.path, 'photos', 'dog.png'));
}, 60_000);

test('what is served is listed and fetched, by the commands and by the program', async () => {
  const server = samples.startCommand('npm run image-server -- photos --port 5005', { 5005: 0 });
  const [, url = '', port = ''] = await server.printed(/^listening on (udp:\/\/127\.0\.0\.1:(\d+))$/m);
  const listed = await samples.runCommand('npm run fetch-image -- udp://127.0.0.1:5005 --list', {
    5005: port,
  });
  expect(listed.map((line) => /\S+$/.exec(line)?.[0])).toEqual(
    expect.arrayContaining(['cat.jpg', 'dog.png']),
  );
  await samples.runCommand('npm run fetch-image -- udp://127.0.0.1:5005 cat.jpg dog.png --out pets', {
    5005: port,
  });
  expect(readFileSync(join(samples.path, 'pets', 'dog.png'))).toEqual(
    readFileSync(join(IMAGES, 'julia.png')),
  );

  const bytes = readFileSync(join(IMAGES, 'dunes.jpg')).length;
  await expect(samples.run('fetch.ts', url)).resolves.toContain(`pictures/cat.jpg ${bytes}`);
  expect(readdirSync(join(samples.path, 'pictures')).sort()).toEqual(['cat.jpg', 'dog.png']);
}, 60_000);

test('with --tls the server says how to fetch', async () => {
  const server = samples.startCommand('npm run image-server -- photos --tls --port 5006', { 5006: 0 });
  await server.printed(
    /^npm run fetch-image -- udps:\/\/127\.0\.0\.1:\d+ --list --fingerprint [0-9A-F:]{95}$/m,
  );
}, 30_000);

test('without a terminal there is nobody to ask', async () => {
  const { code, stderr } = await samples.startCommand('npm run fetch-image').ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining('the URL of a server is missing')]);
}, 30_000);
