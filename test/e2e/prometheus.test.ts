import { Registry } from 'prom-client';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, createServer } from '../../src/index.js';
import { collectMetrics } from '../../src/prometheus/index.js';

test('calls between a channel and a server are in the metrics of both sides', async () => {
  const register = new Registry();
  const metrics = collectMetrics({ register });
  const server = createServer();
  server.add(TestServiceDefinition, {
    echo: ({ payload }: { payload: Uint8Array }) => ({ payload }),
  } as never);
  const channel = createChannel(`udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  const client = createClient(TestServiceDefinition, channel);
  for (let count = 0; count < 3; count++) await client.echo({ payload: new Uint8Array(9_000) });
  await client.add({}).catch(() => undefined);

  const text = await register.metrics();
  for (const side of ['client', 'server']) {
    expect(text).toContain(
      `udprpc_${side}_calls_handled_total{method="/test.v1.TestService/Echo",code="OK"} 3\n`,
    );
    expect(text).toContain(`udprpc_${side}_calls_in_flight{method="/test.v1.TestService/Echo"} 0\n`);
    expect(text).toContain(`udprpc_connections{side="${side}"} 1\n`);
    expect(text).toMatch(new RegExp(`udprpc_datagrams_sent_total\\{side="${side}"\\} [1-9]`));
  }
  expect(text).toContain('udprpc_server_calls_handled_total{method="unknown",code="UNIMPLEMENTED"} 1\n');
  expect(text).toMatch(/udprpc_client_rtt_seconds_count [1-9]/);

  await channel.close();
  await server.shutdown();
  const after = await register.metrics();
  for (const side of ['client', 'server']) {
    expect(after).toContain(`udprpc_connections{side="${side}"} 0\n`);
    expect(after).toMatch(new RegExp(`udprpc_connections_closed_total\\{side="${side}",by="[a-z]+"\\} 1\n`));
  }
  metrics.stop();
});
