/** docs/guides/tls.md: with the certificates that its commands make, a server and clients that trust it, and who may call. */
import { X509Certificate } from 'node:crypto';
import { SampleFolder } from '../../support/samples.js';

let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
  await samples.runCommand('npx udprpc cert');
  await samples.runCommand('npx udprpc cert --client kiosk');
}, 60_000);

test('a client is known by its certificate', async () => {
  await expect(samples.run('mutual.ts')).resolves.toEqual(['hello CN=kiosk']);
}, 30_000);

test('a user is known by a token', async () => {
  await expect(samples.run('authorised.ts')).resolves.toEqual(['hello Ada']);
}, 30_000);

test('a server with a certificate is trusted, and shows a new one when it is told to', async () => {
  const server = samples.start('secure-server.ts');
  const [, port = ''] = await server.printed(/^listening on udps:\/\/127\.0\.0\.1:(\d+)$/m);
  const client = () => samples.run('secure-client.ts', `udps://localhost:${port}`);
  await expect(client()).resolves.toEqual(['hello Ada']);

  await samples.runCommand('npx udprpc cert cam.example 10.1.1.1 --out certs');
  const { subjectAltName } = new X509Certificate(samples.read('certs/cert.pem'));
  expect(subjectAltName).toBe('DNS:cam.example, IP Address:10.1.1.1');
  for (const file of ['cert.pem', 'key.pem']) samples.write(file, samples.read(`certs/${file}`));
  server.child.kill('SIGHUP');
  await server.printed(/^shows the new certificate$/m);
  await expect(client()).resolves.toEqual([expect.stringMatching(/tls\.ca/)]);
  samples.write('ca.pem', samples.read('certs/ca.pem'));
  await expect(client()).resolves.toEqual([expect.stringMatching(/localhost.*cam\.example/)]);
}, 60_000);
