/** A server as commands call it: the test service, health and reflection, on a socket of this process. */
import { fileDescriptorSet as testDescriptors } from '../../generated/test/v1/test.descriptors.js';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { HealthDefinition, healthDescriptors, HealthService } from '../../src/health/index.js';
import {
  createServer,
  ServerError,
  type ServerOptions,
  type ServiceImplementation,
  type Status,
} from '../../src/index.js';
import { createReflectionService, ServerReflectionDefinition } from '../../src/reflection/index.js';
import { closeLater } from './tls-fixture.js';

const implementation: ServiceImplementation<typeof TestServiceDefinition> = {
  async echo({ payload, failWithCode, failWithDetails }, { metadata, header, trailer }) {
    header.set('seen', metadata.get('token') ?? '');
    trailer.set('sum-bin', Uint8Array.of(1, 2));
    if (isFailure(failWithCode)) throw new ServerError(failWithCode, failWithDetails);
    return { payload };
  },
  put: ({ value }) => ({ value }),
  add: ({ amount }) => ({ total: amount }),
  async *download({ count, size }, { signal }) {
    // 0 is for ever: until the client leaves.
    for (let sent = 0; count === 0 || sent < count; sent++) yield { payload: new Uint8Array(size) };
    signal.throwIfAborted();
  },
  async upload(requests) {
    let [count, size] = [0, 0n];
    for await (const { payload } of requests) [count, size] = [count + 1, size + BigInt(payload.length)];
    return { count, size };
  },
  async *chat(requests) {
    for await (const { payload } of requests) yield { payload };
  },
};

export interface CalledServer {
  readonly target: string;
  readonly health: HealthService;
  /** The first call of the test service, or watch, that ends. */
  readonly ended: Promise<unknown>;
}

/** Until `closeAll` of tls-fixture. */
export async function serveTestService(options: ServerOptions = {}): Promise<CalledServer> {
  const server = createServer(options);
  closeLater(() => server.shutdown({ graceMs: 0 }));
  const health = new HealthService(server);
  server.add(HealthDefinition, health);
  server.add(TestServiceDefinition, implementation);
  server.add(ServerReflectionDefinition, createReflectionService([testDescriptors, healthDescriptors]));
  const port = await server.listen('127.0.0.1:0');
  const scheme = options.tls === undefined ? 'udp' : 'udps';
  const ended = new Promise((resolve) => {
    server.on('call', (call) => {
      if (call.path.includes('TestService') || call.path.includes('Watch')) resolve(call);
    });
  });
  return { target: `${scheme}://127.0.0.1:${port}`, health, ended };
}

function isFailure(code: number): code is Status {
  return code !== 0;
}
