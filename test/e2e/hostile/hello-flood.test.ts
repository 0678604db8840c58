/** Valid hellos of clients that do not exist, from many ports of one machine: memory stays, and who is honest gets in. */
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { certificates } from '../../support/certificates.js';
import { dropsText } from '../../support/counted-acceptor.js';
import { FloodedServer, FloodSender, mebibytes, rateText } from '../../support/flood.js';
import { isLong, printFigures, quantilesText } from '../../support/long-run.js';
import { closeAll, connectTo } from '../../support/tls-fixture.js';

afterEach(closeAll);

/** In CI the machine has other things to do. */
const HELLOS_PER_SECOND = isLong ? 20_000 : 2_000;
const PORTS = 1_000;
const FLOOD_MS = isLong ? 60_000 : 3_000;
/** From one honest client to the next. */
const PAUSE_MS = 100;
const CONNECT_MS = 2_000;
const MAX_GROWTH_BYTES = 64 << 20;

test.each([
  ['plaintext', false],
  ['TLS', true],
])(
  `[RTY-1] ${HELLOS_PER_SECOND} hellos a second cost bounded memory, and let an honest client in: %s`,
  async (title, isTls) => {
    const { authority, localServer } = await certificates();
    const tls = isTls ? { ca: authority.cert } : undefined;
    const server = await FloodedServer.start(isTls ? localServer : undefined);
    const { port } = server;
    /** Ms until the first answer of a client that nobody has heard of. */
    const connectAndCall = async (): Promise<number> => {
      const startedAt = performance.now();
      const { channel, client } = connectTo(port, { tls });
      await server.whileItRuns(client.echo({ payload: Uint8Array.of(1) }, { timeoutMs: 10_000 }));
      const ms = performance.now() - startedAt;
      await channel.close();
      return ms;
    };
    await connectAndCall();
    const flood = await FloodSender.prepare({
      kind: 'hellos',
      port,
      authority: isTls ? authority : undefined,
      perSecond: HELLOS_PER_SECOND,
      sockets: PORTS,
    });
    const before = await server.figures();
    flood.start();
    const times: number[] = [];
    for (const startedAt = performance.now(); performance.now() - startedAt < FLOOD_MS;) {
      await wait(PAUSE_MS);
      times.push(await connectAndCall());
    }
    const sent = await flood.stop();
    const during = await server.figures();
    await connectAndCall();
    const { code } = await server.end();
    const received = during.datagramsReceived - before.datagramsReceived;
    printFigures(
      `hello flood from ${PORTS} ports, ${title}`,
      rateText(sent),
      `read ${Math.round(received / sent.seconds)}/s`,
      `RSS ${mebibytes(before.rssBytes)}, at most ${mebibytes(during.mostRssBytes)}, at the end ${mebibytes(during.rssBytes)}`,
      `at most ${during.mostConnections} connections`,
      `${times.length} honest clients answered after ${quantilesText(times)} ms`,
      `${((1_000 * (during.cpuMs - before.cpuMs)) / received).toFixed(0)} µs of CPU for each`,
      dropsText(during.drops),
    );
    expect(sent.datagrams).toBeGreaterThan(HELLOS_PER_SECOND);
    expect(Math.max(...times)).toBeLessThan(CONNECT_MS);
    expect(during.mostRssBytes - before.rssBytes).toBeLessThan(MAX_GROWTH_BYTES);
    expect(code).toBe(0);
  },
  300_000,
);
