/**
 * A server of the test service that says in the trailer of every echo who has answered: in this process, or as a program.
 *
 *   named-server ADDRESS      `ip:port`, port 0 for any; prints `listening on PORT`
 */
import { fileURLToPath } from 'node:url';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  createServer,
  type Server,
  type ServerOptions,
  type ServiceImplementation,
} from '../../src/index.js';

export async function serveNamed(
  address: string,
  options: ServerOptions = {},
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(options);
  const implementation: Partial<ServiceImplementation<typeof TestServiceDefinition>> = {
    echo: async ({ payload }, context) => {
      context.trailer.set('server', address);
      return { payload };
    },
  };
  server.add(TestServiceDefinition, implementation as ServiceImplementation<typeof TestServiceDefinition>);
  return { server, port: await server.listen(address) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port } = await serveNamed(process.argv[2] ?? '127.0.0.1:0');
  process.stdout.write(`listening on ${port}\n`);
}
