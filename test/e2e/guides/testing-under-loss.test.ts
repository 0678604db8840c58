/** docs/guides/testing-under-loss.md: its tests are run by node:test. */
import { SampleFolder } from '../../support/samples.js';

test.each(['in-memory.test.ts', 'greeter.test.ts'])(
  '%s passes',
  async (file) => {
    const samples = await SampleFolder.create();
    const output = await samples.run(file);
    expect(output).toEqual(expect.arrayContaining(['# pass 1', '# fail 0']));
  },
  60_000,
);
