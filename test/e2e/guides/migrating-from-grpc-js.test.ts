/** docs/guides/migrating-from-grpc-js.md: before, with the code of its `buf.gen.grpc-js.yaml`, and after do the same. */
import { SampleFolder } from '../../support/samples.js';

test.each(['before.ts', 'after.ts'])(
  '%s',
  async (file) => {
    const samples = await SampleFolder.create();
    expect(samples.read('buf.gen.grpc-js.yaml')).toContain('outputServices=grpc-js');
    await expect(samples.run(file)).resolves.toEqual(['3 name is empty', '1', '2', '3', 'done']);
  },
  60_000,
);
