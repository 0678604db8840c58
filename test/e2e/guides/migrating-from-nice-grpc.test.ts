/** docs/guides/migrating-from-nice-grpc.md: that the import is the difference, its program shows by running with both. */
import { SampleFolder } from '../../support/samples.js';

test.each(['udprpc', 'nice-grpc'])(
  'the program runs with %s',
  async (library) => {
    const samples = await SampleFolder.create();
    samples.edit('ported.ts', "'udprpc'", `'${library}'`);
    await expect(samples.run('ported.ts')).resolves.toEqual([
      'called /greeter.v1.GreeterService/Greet',
      'language fr',
      'hello Ada',
      'called /greeter.v1.GreeterService/Greet',
      'INVALID_ARGUMENT name is empty',
    ]);
  },
  60_000,
);
