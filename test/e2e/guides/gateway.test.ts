/** docs/guides/gateway.md: its program and both of its commands, in a row in front of one UDP server. */
import { SampleFolder } from '../../support/samples.js';

const LISTENING = /127\.0\.0\.1:([1-9]\d*)/;

test('calls go from UDP to gRPC and from gRPC to UDP', async () => {
  const samples = await SampleFolder.create();
  const server = samples.start('served.ts');
  const [, served = ''] = await server.printed(LISTENING);
  const toUdp = samples.startCommand(
    'npx udprpc gateway --listen 127.0.0.1:50051 --to udp://127.0.0.1:5005',
    { 50051: 0, 5005: served },
  );
  const [, grpc = ''] = await toUdp.printed(LISTENING);
  const toGrpc = samples.startCommand(
    'npx udprpc gateway --listen udp://127.0.0.1:5005 --to http://127.0.0.1:50051',
    { 5005: 0, 50051: grpc },
  );
  const [, udp = ''] = await toGrpc.printed(LISTENING);
  await expect(
    samples.runCommand('npx udprpc health udp://127.0.0.1:5005 image.v1.ImageService', { 5005: udp }),
  ).resolves.toEqual(['SERVING']);
}, 60_000);

test('the program listens for gRPC clients', async () => {
  const samples = await SampleFolder.create();
  const gateway = samples.start('gateway.ts');
  await gateway.printed(/^gRPC clients call 127\.0\.0\.1:[1-9]\d*$/m);
  expect((await gateway.end('SIGINT')).code).toBe(0);
}, 60_000);
