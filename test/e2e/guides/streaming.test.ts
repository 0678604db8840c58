/** docs/guides/streaming.md, with the code of its `proto/ticker/v1/ticker.proto`. */
import { SampleFolder } from '../../support/samples.js';

test('the ticker streams both ways', async () => {
  const samples = await SampleFolder.create();
  expect(samples.read('proto/ticker/v1/ticker.proto')).toContain('service TickerService');
  await expect(samples.run('ticker.ts')).resolves.toEqual(['1 + 2 + 3 = 6']);
}, 60_000);
