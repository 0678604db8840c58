/** Who gives the memory of large messages back takes nothing from anybody else: over real sockets, with and without TLS. */
import {
  createChannel,
  createClient,
  createServer,
  freeBytes,
  type ServerTlsOptions,
  type ServiceImplementation,
} from '../../src/index.js';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { certificates } from '../support/certificates.js';
import { pattern } from '../support/stream-packet.js';

const service: Partial<ServiceImplementation<typeof TestServiceDefinition>> = {
  echo: async ({ payload }) => ({ payload }),
  async *download({ count, size }) {
    for (let seed = 0; seed < count; seed++) yield { payload: pattern(size, seed) };
  },
};

test.each(['udp', 'udps'])('over %s:// all other messages stay whole', async (scheme) => {
  const made = await certificates();
  const tls: ServerTlsOptions | undefined = scheme === 'udps' ? made.localServer : undefined;
  const server = createServer({ tls });
  server.add(TestServiceDefinition, service as ServiceImplementation<typeof TestServiceDefinition>);
  const port = await server.listen('127.0.0.1:0');
  const channel = createChannel(`${scheme}://127.0.0.1:${port}`, tls && { tls: { ca: made.authority.cert } });
  try {
    const client = createClient(TestServiceDefinition, channel);
    // So that loopback is found to carry the largest datagrams, in which messages share memory.
    await client.echo({ payload: pattern(4_000_000) }, { timeoutMs: 20_000 });
    const sizes = [50, 3_000, 20_000, 35_000, 61_440, 64_000, 100_000, 300_000];
    const sizeOf = (seed: number): number => sizes[seed % sizes.length] ?? 0;
    const kept: (() => void)[] = [];
    let freedCount = 0;
    const use = (payload: Uint8Array, size: number, seed: number): void => {
      const check = (): void => {
        expect(Buffer.compare(payload, pattern(size, seed))).toBe(0);
      };
      check();
      if (seed % 3 === 0) {
        kept.push(check);
      } else {
        freeBytes(payload);
        if (payload.length === 0) freedCount++;
      }
    };
    const calls = Array.from({ length: 400 }, async (_call, seed) => {
      const size = sizeOf(seed);
      const { payload } = await client.echo({ payload: pattern(size, seed) }, { timeoutMs: 30_000 });
      use(payload, size, seed);
    });
    // Read by somebody who is slow, so that messages wait where they arrived.
    const readSlowly = async (): Promise<number> => {
      let seed = 0;
      for await (const { payload } of client.download({ count: 60, size: 33_000 }, { timeoutMs: 30_000 })) {
        await new Promise(setImmediate);
        use(payload, 33_000, seed++);
      }
      return seed;
    };
    const [readCount] = await Promise.all([readSlowly(), ...calls]);
    expect(readCount).toBe(60);
    for (const check of kept) check();
    expect(freedCount).toBeGreaterThan(100);
  } finally {
    await channel.close();
    await server.shutdown({ graceMs: 0 });
  }
});
