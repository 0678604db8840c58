/**
 * Everything that a client and its server ever said to each other, said again, by somebody at the same address and at another: while they
 * speak, when they have ended, when nobody remembers them, and to a server that is not the same any more.
 */
import { randomBytes } from 'node:crypto';
import { certificates } from '../../support/certificates.js';
import { dropsText } from '../../support/counted-acceptor.js';
import { type Passing } from '../../support/datagram-relay.js';
import { isLong, printFigures } from '../../support/long-run.js';
import { RecordedClient, until } from '../../support/recorded-client.js';
import { closeAll, serveEcho, type TlsServer } from '../../support/tls-fixture.js';

afterEach(closeAll);

const CALLS = isLong ? 200 : 25;
const TIMES = isLong ? 20 : 3;
const OVERTAKEN_EVERY = 5;
const resetKey = randomBytes(32);

async function optionsOf(isTls: boolean) {
  const { authority, localServer } = await certificates();
  const transport = { initialRttMs: 20, handshakeTimeoutMs: 500 };
  return {
    server: { resetKey, transport, ...(isTls && { tls: localServer }) },
    client: { transport: { initialRttMs: 20 }, ...(isTls && { tls: { ca: authority.cert } }) },
  };
}

function sumOf(drops: Record<string, number>): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}

/** Of calls whose idempotency is not declared: the first one too, which would like to ride in the first flight. */
async function addOneByOne({ client }: RecordedClient, between: () => Promise<void>): Promise<string[]> {
  const keys = Array.from({ length: CALLS }, (_, i) => `key ${i}`);
  for (const key of keys) {
    await client.add({ key, amount: 1 }, { retry: false, timeoutMs: 10_000 });
    await between();
  }
  return keys;
}

describe.each([
  ['plaintext', false],
  ['TLS', true],
])('recordings of %s, replayed', (title, isTls) => {
  test('[AMO-2] execute nothing twice, and end no connection', async () => {
    const options = await optionsOf(isTls);
    const server = await serveEcho(options.server);
    const recorded = await RecordedClient.connect(server, options.client);
    const { client, channel, recorded: datagrams } = recorded;
    let replayed = 0;
    const replay = async (to: TlsServer): Promise<void> => {
      const all = [...datagrams.client];
      replayed += 2 * all.length;
      await recorded.attackServer(to, all);
      await recorded.attackServer(to, all.reverse());
    };

    const keys = await addOneByOne(recorded, async () => {
      await replay(server);
      for (const datagram of datagrams.server) recorded.relay.inject('client', datagram);
    });
    expect(server.added).toEqual(keys);
    await client.echo({ payload: Uint8Array.of(1) }, { retry: false });
    expect(server.watch.connections).toHaveLength(1);
    // Each was ignored, and counted as such.
    await until(() => sumOf(server.acceptor.drops) >= replayed);
    const during = dropsText(server.acceptor.drops);

    await channel.close();
    for (let i = 0; i < TIMES; i++) await replay(server);
    await until(() => server.acceptor.connectionCount === 0);
    for (let i = 0; i < TIMES; i++) await replay(server);
    expect(server.added).toEqual(keys);

    // As after a restart: it knows the same secrets, and nothing else.
    const next = await serveEcho(options.server);
    for (let i = 0; i < TIMES; i++) await replay(next);
    expect(next.added).toEqual([]);
    printFigures(
      `recordings replayed, ${title}`,
      `${datagrams.client.length} datagrams recorded, ${replayed} replayed`,
      `${server.added.length} of ${keys.length} calls executed, 0 by the next server`,
      `while they spoke ${during}`,
      `in all ${dropsText(server.acceptor.drops)}`,
    );
  }, 120_000);

  test('[MIG-6] overtake what they are copies of, from elsewhere, and calls go on', async () => {
    const options = await optionsOf(isTls);
    const server = await serveEcho(options.server);
    const overtake = ({ from, index, bytes }: Passing): readonly Uint8Array[] => {
      if (from === 'client' && index % OVERTAKEN_EVERY === 0)
        void recorded.sendFromElsewhere(bytes, server.port);
      return [bytes];
    };
    const recorded = await RecordedClient.connect(server, options.client, overtake);
    const keys = await addOneByOne(recorded, () => Promise.resolve());
    expect(server.added).toEqual(keys);
    const stats = recorded.channel.stats();
    printFigures(
      `copies that overtake, ${title}`,
      `${recorded.recorded.client.length} datagrams, every ${OVERTAKEN_EVERY}th overtaken`,
      `${stats?.packetsLost} packets lost, ${stats?.ptoCount} PTOs`,
      dropsText(server.acceptor.drops),
    );
  }, 120_000);
});
