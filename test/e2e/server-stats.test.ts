import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, createServer, RpcError } from '../../src/index.js';

test('a server has counted what its clients have sent, over connections open and ended, and whom it has refused', async () => {
  const server = createServer({ limits: { maxConnectionsPerAddress: 2 } });
  server.add(TestServiceDefinition, {
    echo: ({ payload }: { payload: Uint8Array }) => ({ payload }),
  } as never);
  const port = await server.listen('127.0.0.1:0');
  const open = () => createChannel(`udp://127.0.0.1:${port}`, { transport: { handshakeTimeoutMs: 300 } });
  const call = async (channel: ReturnType<typeof open>): Promise<unknown> =>
    createClient(TestServiceDefinition, channel).echo({ payload: new Uint8Array(30_000) }, { retry: false });

  const channels = [open(), open()];
  await Promise.all(channels.map(call));
  const third = open();
  await expect(call(third)).rejects.toThrow(RpcError);
  await third.close();

  const live = server.stats();
  expect(live).toMatchObject({ connections: 2, connectionsAccepted: 2, callsEnded: { OK: 2 }, calls: 0 });
  expect(live.connectionsRefused).toBeGreaterThanOrEqual(1);
  expect(live.drops['refused']).toBe(live.connectionsRefused);
  const sent = channels.map((channel) => channel.stats()?.bytesSent ?? 0);
  expect(live.bytesReceived).toBeGreaterThan(60_000);
  expect(live.bytesReceived).toBeLessThanOrEqual(sent.reduce((a, b) => a + b));
  expect(live.bytesSent).toBeGreaterThan(60_000);

  for (const channel of channels) await channel.close();
  await server.shutdown();
  const ended = server.stats();
  expect(ended.connections).toBe(0);
  expect(ended.bytesReceived).toBeGreaterThanOrEqual(live.bytesReceived);
  expect(ended.datagramsSent).toBeGreaterThanOrEqual(live.datagramsSent);
});
