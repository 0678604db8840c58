/** docs/guides/finding-servers.md. */
import { SampleFolder } from '../../support/samples.js';

let samples: SampleFolder;

beforeAll(async () => {
  samples = await SampleFolder.create();
}, 60_000);

test('each of several servers greets', async () => {
  await expect(samples.run('several.ts')).resolves.toEqual([
    'hello Ada, I am Ann; hello Ada, I am Bob; hello Ada, I am Cleo',
  ]);
}, 30_000);

test('calls go where the resolver says', async () => {
  await expect(samples.run('resolver.ts')).resolves.toEqual(['hello Ada, I am Ann', 'hello Ada, I am Bob']);
}, 30_000);
