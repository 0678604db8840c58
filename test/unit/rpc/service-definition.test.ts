import { type EchoResponse, TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { ImageServiceDefinition } from '../../../generated/image/v1/image.js';
import {
  type Client,
  methodPath,
  type ServiceDefinition,
  type ServiceImplementation,
} from '../../../src/rpc/service-definition.js';

describe('service definitions', () => {
  test('of ts-proto fit as they are', () => {
    const definitions: ServiceDefinition[] = [TestServiceDefinition, ImageServiceDefinition];
    const [service] = definitions;
    const echo = service?.methods['echo'];
    expect(service && echo && methodPath(service, echo)).toBe('test.v1.TestService/Echo');
    expect(service?.methods['add']?.options.idempotencyLevel).toBeUndefined();
  });

  test('type the client: partial requests in, whole responses out', () => {
    type TestClient = Client<typeof TestServiceDefinition, { signal?: AbortSignal | undefined }>;
    const use = (client: TestClient): unknown[] => {
      const response: Promise<EchoResponse> = client.echo(
        { payload: new Uint8Array(1) },
        { signal: undefined },
      );
      const stream: AsyncIterable<{ payload: Uint8Array }> = client.download({ count: 3 });
      // @ts-expect-error a field that the message does not have
      const wrong = client.echo({ nothing: 3 });
      // @ts-expect-error an option that nobody understands
      const strange = client.echo({}, { speed: 'fast' });
      return [response, stream, wrong, strange, client.add({ amount: '3' }), client.add({ key: undefined })];
    };
    expect(use).toHaveLength(1);
  });

  test('type the implementation: whole requests in, partial responses out', () => {
    const implementation: ServiceImplementation<typeof TestServiceDefinition> = {
      async echo(request, context) {
        context.header.set('a', 'b');
        return { payload: request.payload };
      },
      put: () => ({ value: 3 }),
      add: async () => ({}),
      async *download() {
        yield { payload: new Uint8Array(1) };
      },
      async upload(requests) {
        let count = 0;
        for await (const request of requests) count += request.payload.length;
        return { count };
      },
      async *chat(requests) {
        for await (const request of requests) yield request;
      },
    };
    // @ts-expect-error a method is missing
    const incomplete: ServiceImplementation<typeof ImageServiceDefinition> = {};
    expect([Object.keys(implementation), incomplete]).toEqual([
      Object.keys(TestServiceDefinition.methods),
      {},
    ]);
  });
});
