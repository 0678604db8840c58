/** docs/guides/command-line.md: its commands, asked of its server. */
import { type Program } from '../../support/program.js';
import { SampleFolder } from '../../support/samples.js';

let samples: SampleFolder;
let server: Program;
let ports: Record<number, string>;

beforeAll(async () => {
  samples = await SampleFolder.create();
  for (const name of ['a.png', 'b.png', 'c.png']) samples.write(name, 'abc');
  server = samples.start('served.ts');
  const [, port = ''] = await server.printed(/^listening on udp:\/\/127\.0\.0\.1:(\d+)$/m);
  ports = { 5005: port };
}, 60_000);

test('list and describe say what the server offers', async () => {
  await expect(samples.runCommand('npx udprpc list udp://127.0.0.1:5005', ports)).resolves.toEqual([
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'image.v1.ImageService',
  ]);
  const described = await samples.runCommand(
    'npx udprpc describe udp://127.0.0.1:5005 image.v1.ImageService',
    ports,
  );
  expect(described.join('\n')).toMatch(/rpc GetMeta\s?\(.*GetMetaRequest\) returns/);
}, 30_000);

test('call prints the answer as JSON', async () => {
  const lines = await samples.runCommand(
    `npx udprpc call udp://127.0.0.1:5005 image.v1.ImageService/List -d '{"pageSize": 2}'`,
    ports,
  );
  expect(JSON.parse(lines.join('\n'))).toMatchObject({ images: [{ name: 'a.png' }, { name: 'b.png' }] });
}, 30_000);

test('health and ping', async () => {
  await expect(
    samples.runCommand('npx udprpc health udp://127.0.0.1:5005 image.v1.ImageService', ports),
  ).resolves.toEqual(['SERVING']);
  const pinged = await samples.runCommand('npx udprpc ping udp://127.0.0.1:5005 -c 5 -i 0.2', ports);
  expect(pinged.join('\n')).toMatch(/\b5 (calls|answers|sent|of)/);
}, 30_000);

test('descriptors that buf writes', async () => {
  await samples.runCommand('npx buf build proto --as-file-descriptor-set -o descriptors.binpb');
  await expect(samples.runCommand('npx udprpc list --descriptors descriptors.binpb')).resolves.toEqual([
    'greeter.v1.GreeterService',
    'ticker.v1.TickerService',
  ]);
}, 30_000);
