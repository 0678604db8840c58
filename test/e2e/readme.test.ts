/** README.md, as somebody who has just cloned the repository reads it; the guides are in `guides`. */
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { SampleFolder } from '../support/samples.js';

let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
}, 60_000);

test('the server serves the sample images, to the command and to a call from code', async () => {
  const server = samples.startCommand('npm run image-server -- --port 5005', { 5005: 0 });
  const [, url = '', port = ''] = await server.printed(/^listening on (udp:\/\/127\.0\.0\.1:(\d+))$/m);
  const ports = { 5005: port };
  const listed = await samples.runCommand('npm run fetch-image -- udp://127.0.0.1:5005 --list', ports);
  expect(listed.map((line) => /\S+$/.exec(line)?.[0])).toContain('dunes.jpg');
  await samples.runCommand('npm run fetch-image -- udp://127.0.0.1:5005 dunes.jpg --out pictures', ports);
  expect(existsSync(join(samples.path, 'pictures', 'dunes.jpg'))).toBe(true);

  expect(samples.read('first-call.mjs')).toContain("'udp://127.0.0.1:5005'");
  samples.edit('first-call.mjs', 'udp://127.0.0.1:5005', url);
  await expect(samples.runCommand('node first-call.mjs')).resolves.toEqual(['image/jpeg, 1280 x 800']);
}, 60_000);

test('a service of one’s own', async () => {
  await expect(samples.run('hello.ts')).resolves.toEqual(['hello Ada']);
}, 30_000);
