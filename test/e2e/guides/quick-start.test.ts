/** docs/guides/quick-start.md, as it is written: compiled by its own tsconfig.json, and run as JavaScript. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOP } from '../../support/markdown.js';
import { SampleFolder } from '../../support/samples.js';

test('the server and the client, from an empty folder', async () => {
  const samples = await SampleFolder.create();
  for (const file of ['server.ts', 'client.ts']) {
    expect(samples.read('tsconfig.json')).toContain(`"${file}"`);
    expect(samples.read(file)).not.toBe('');
  }
  await samples.runCommand('mkdir -p photos');
  await samples.runCommand('npx tsc');
  const server = samples.startCommand('node build/server.js');
  const [, port = ''] = await server.printed(/^listening on udp:\/\/127\.0\.0\.1:(\d+)$/m);
  const client = () => samples.runCommand('node build/client.js udp://127.0.0.1:5005', { 5005: port });
  await expect(client()).resolves.toEqual(['there is no cat.jpg']);
  samples.write('photos/cat.jpg', readFileSync(join(TOP, 'examples', 'images', 'dunes.jpg')));
  await expect(client()).resolves.toEqual(['26841 of 26841 bytes']);
  expect((await server.end('SIGINT')).code).toBe(0);
}, 60_000);
