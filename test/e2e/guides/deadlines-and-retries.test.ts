/** docs/guides/deadlines-and-retries.md. */
import { SampleFolder } from '../../support/samples.js';

let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
}, 60_000);

test('a deadline and a signal end calls', async () => {
  await expect(samples.run('deadlines.ts')).resolves.toEqual([
    'DEADLINE_EXCEEDED RpcError',
    'CANCELLED AbortError',
  ]);
}, 30_000);

test('what is unavailable is asked again, as often as it is wanted', async () => {
  await expect(samples.run('retries.ts')).resolves.toEqual([
    'hello Ada in 3 attempts',
    '1 UNAVAILABLE still warming up',
    '2 UNAVAILABLE still warming up',
  ]);
}, 30_000);

test('a hedge answers in the place of an attempt that hangs', async () => {
  await expect(samples.run('hedging.ts')).resolves.toEqual(['hello Ada after 1 hedge']);
}, 30_000);
