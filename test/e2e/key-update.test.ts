/** Keys that change while calls run, over real sockets and node:tls. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, createServer } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { parseQlog } from '../support/qlog-schema.js';
import { patternBytes, temporaryDirectory } from '../support/temporary-directory.js';

const SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** Of one log: who changed keys, and how many packets were lost or did not open. */
function summaryOf(file: string): { updates: unknown[]; unusable: number } {
  const { events } = parseQlog(readFileSync(file, 'utf8'));
  return {
    updates: events
      .filter(({ name }) => name === 'security:key_updated')
      .map(({ data }) => data['key_phase']),
    unusable: events.filter(
      ({ name, data }) => name === 'transport:packet_dropped' && data['details'] === 'notAuthentic',
    ).length,
  };
}

test.each(SUITES)('[KEY-5] [KEY-6] calls go on over key updates: %s', async (ciphers) => {
  const qlogDir = temporaryDirectory();
  const { authority, localServer } = await certificates();
  const server = createServer({
    tls: { ...localServer, ciphers },
    transport: { keyUpdatePackets: 40 },
    qlogDir,
  });
  server.add(TestServiceDefinition, {
    echo: async ({ payload }: { payload: Uint8Array }) => ({ payload }),
  } as never);
  const port = await server.listen('127.0.0.1:0');
  const channel = createChannel(`udps://127.0.0.1:${port}`, {
    tls: { ca: authority.cert },
    transport: { keyUpdatePackets: 30, maxDatagramSize: 1_200 },
    qlogDir,
  });
  const client = createClient(TestServiceDefinition, channel);
  const payload = patternBytes(100_000);
  for (let call = 0; call < 10; call++) {
    expect(Buffer.compare((await client.echo({ payload })).payload, payload)).toBe(0);
  }
  await channel.close();
  await server.shutdown({ graceMs: 100 });
  const logs = readdirSync(qlogDir);
  expect(logs.length).toBe(2);
  for (const log of logs) {
    const { updates, unusable } = summaryOf(join(qlogDir, log));
    // Each update waits until keys of before are forgotten: how many there are is a matter of time, but for the first.
    expect(updates.length).toBeGreaterThanOrEqual(2);
    expect(unusable).toBe(0);
  }
});
