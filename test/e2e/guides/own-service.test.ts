/** docs/guides/own-service.md. */
import { SampleFolder } from '../../support/samples.js';

let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
}, 60_000);

test('the greeter greets, with the code that buf generates by the guide’s template', async () => {
  for (const file of ['proto/greeter/v1/greeter.proto', 'buf.gen.yaml'])
    expect(samples.read(file)).not.toBe('');
  await samples.generateAnew('npx buf generate proto');
  await expect(samples.run('greeter.ts')).resolves.toEqual([
    expect.stringMatching(/^hello Ada, you are 127\.0\.0\.1:\d+$/),
  ]);
}, 60_000);

test('details of an error arrive as they are', async () => {
  await expect(samples.run('details.ts')).resolves.toEqual(['name is empty']);
}, 30_000);

test('middleware on both sides', async () => {
  await expect(samples.run('middleware.ts')).resolves.toEqual(['bonjour Ada']);
}, 30_000);

test('a service without generated code', async () => {
  await expect(samples.run('dynamic.ts')).resolves.toEqual(["{ text: 'hello Ada' }"]);
}, 30_000);
