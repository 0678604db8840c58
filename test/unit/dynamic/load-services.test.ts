import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../../src/index.js';
import { loadServices } from '../../../src/dynamic/load-services.js';
import { createInMemoryServer } from '../../../src/testing/index.js';
import { GetMetaResponse } from '../../../generated/image/v1/image.js';
import { AddRequest, type EchoRequest, TestServiceDefinition } from '../../../generated/test/v1/test.js';

const PROTO = { includeDirs: ['proto'] };

describe('services from .proto files', () => {
  test('have the methods, kinds and idempotency that generated code has', async () => {
    const { 'test.v1.TestService': loaded } = await loadServices('test/v1/test.proto', PROTO);
    const shapeOf = (definition: typeof loaded): unknown =>
      Object.entries(definition?.methods ?? {}).map(([key, method]) => [
        key,
        method.name,
        method.requestStream,
        method.responseStream,
        method.options.idempotencyLevel,
      ]);
    expect(loaded?.fullName).toBe('test.v1.TestService');
    expect(shapeOf(loaded)).toEqual(shapeOf(TestServiceDefinition));
  });

  test('code messages as generated code does: 64-bit integers as bigint, bytes, imported types', async () => {
    const { 'image.v1.ImageService': images } = await loadServices('image/v1/image.proto', PROTO);
    const meta = GetMetaResponse.fromPartial({
      name: 'a',
      size: 2n ** 60n,
      width: 3,
      sha256: Uint8Array.of(1, 2),
    });
    const codec = images?.methods['getMeta']?.responseType;
    expect(codec?.decode(GetMetaResponse.encode(meta).finish())).toMatchObject({
      name: 'a',
      size: 2n ** 60n,
      width: 3,
      sha256: Uint8Array.of(1, 2),
    });
    const { 'test.v1.TestService': tests } = await loadServices('test/v1/test.proto', PROTO);
    const bytes = tests?.methods['add']?.requestType.encode({ key: 'k', amount: -5n } as never).finish();
    expect(AddRequest.decode(new Uint8Array(bytes ?? []))).toEqual({ key: 'k', amount: -5n });
  });

  test('are called and served without generated code', async () => {
    const { 'test.v1.TestService': definition } = await loadServices('test/v1/test.proto', PROTO);
    if (definition === undefined) throw new Error('not loaded');
    const { server, channel } = createInMemoryServer();
    server.add(TestServiceDefinition, {
      echo: ({ payload }: EchoRequest) => Promise.resolve({ payload }),
    } as never);
    await server.listen('memory');
    const client = createClient(definition, channel) as unknown as {
      echo(request: object): Promise<{ payload: Uint8Array }>;
    };
    await expect(client.echo({ payload: Uint8Array.of(7) })).resolves.toEqual({ payload: Uint8Array.of(7) });
    await channel.close();
    await server.shutdown();
  });

  test('that cannot be loaded are named with what is wrong', async () => {
    await expect(loadServices('nowhere.proto', PROTO)).rejects.toThrow(
      /cannot load nowhere\.proto: .*no such file/i,
    );
    const folder = mkdtempSync(join(tmpdir(), 'udprpc-proto-'));
    try {
      writeFileSync(join(folder, 'bad.proto'), 'syntax = "proto3"; message {');
      await expect(loadServices('bad.proto', { includeDirs: [folder] })).rejects.toThrow(
        /cannot load bad\.proto: .*line 1/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
