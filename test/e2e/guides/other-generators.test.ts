/** docs/guides/other-generators.md, with the code of its `buf.gen.clients.yaml`. */
import { SampleFolder } from '../../support/samples.js';

test('clients of other generators greet', async () => {
  const samples = await SampleFolder.create();
  expect(samples.read('buf.gen.clients.yaml')).toContain('protoc-gen-es');
  samples.write('greeter-server.ts', GREETER_SERVER);
  const [, target = ''] = await samples.start('greeter-server.ts').printed(/^(udp:\S+)$/m);
  for (const client of ['connect.ts', 'protobuf-ts.ts', 'ts-proto.ts']) {
    await expect(samples.run(client, target)).resolves.toEqual(['hello Ada']);
  }
}, 60_000);

const GREETER_SERVER = `
import { createServer } from 'udprpc';
import { GreeterServiceDefinition } from './generated/greeter/v1/greeter.js';

const server = createServer();
server.add(GreeterServiceDefinition, { greet: async ({ name }) => ({ text: \`hello \${name}\` }) });
console.log('udp://127.0.0.1:' + (await server.listen('127.0.0.1:0')));
`;
