/** What is no datagram of this protocol, or was one before it was cut or damaged, faster than a server of this house can be asked. */
import { setTimeout as wait } from 'node:timers/promises';
import { type DropReason } from '../../../src/transport/connection/connection-stats.js';
import { certificates } from '../../support/certificates.js';
import { dropsText } from '../../support/counted-acceptor.js';
import { FloodedServer, FloodSender, HonestCalls, mebibytes, rateText } from '../../support/flood.js';
import { isLong, printFigures, quantilesText } from '../../support/long-run.js';
import { closeAll, connectTo } from '../../support/tls-fixture.js';

afterEach(closeAll);

/** In CI the machine has other things to do. */
const DATAGRAMS_PER_SECOND = isLong ? 50_000 : 15_000;
const PORTS = 16;
const FLOOD_MS = isLong ? 60_000 : 3_000;
const CALLERS = 8;
/** Of which none was missing. */
const REASONS: readonly DropReason[] = [
  'malformedHeader',
  'unknownType',
  'unknownConnection',
  'notAuthentic',
  'duplicate',
  'helloAfterConfirmation',
  'badHello',
  'unknownVersion',
];
const MAX_GROWTH_BYTES = 64 << 20;

test.each([
  ['plaintext', false],
  ['TLS', true],
])(
  `[DGM-3] garbage, cut, empty and the largest datagrams, ${DATAGRAMS_PER_SECOND} a second, disturb nobody's calls: %s`,
  async (title, isTls) => {
    const { authority, localServer } = await certificates();
    const server = await FloodedServer.start(isTls ? localServer : undefined);
    const { port } = server;
    const flood = await FloodSender.prepare({
      kind: 'garbage',
      port,
      authority: isTls ? authority : undefined,
      perSecond: DATAGRAMS_PER_SECOND,
      sockets: PORTS,
    });
    const { client } = connectTo(port, { tls: isTls ? { ca: authority.cert } : undefined });
    await client.echo({ payload: Uint8Array.of(1) });
    const before = await server.figures();
    flood.start();
    const calls = new HonestCalls(client, CALLERS);
    await wait(FLOOD_MS);
    const sent = await flood.stop();
    await calls.stop();
    const after = await server.figures();
    const { code, stdout, stderr } = await server.end();
    const { times, failures, added } = calls;
    const received = after.datagramsReceived - before.datagramsReceived;
    printFigures(
      `garbage, ${title}`,
      rateText(sent),
      `read ${Math.round(received / sent.seconds)}/s`,
      `${times.length} calls OK, ${failures.length} not, ms: ${quantilesText(times)}`,
      `RSS ${mebibytes(before.rssBytes)}, at most ${mebibytes(after.mostRssBytes)}, at the end ${mebibytes(after.rssBytes)}`,
      `${((1_000 * (after.cpuMs - before.cpuMs)) / received).toFixed(0)} µs of CPU for each`,
      dropsText(after.drops),
    );
    expect(sent.datagrams).toBeGreaterThan(DATAGRAMS_PER_SECOND);
    expect(failures.length).toBeLessThanOrEqual(0.01 * (times.length + failures.length));
    expect([after.added, after.addedAgain]).toEqual([added, 0]);
    expect(after.mostRssBytes - before.rssBytes).toBeLessThan(MAX_GROWTH_BYTES);
    for (const reason of REASONS) expect([reason, after.drops[reason]]).not.toEqual([reason, 0]);
    expect(stdout).toBe(`listening on ${port}\n`);
    // Where the system gives small buffers the server says so when it begins to listen.
    expect(stderr.replace(/^the system gives .*\n/, '')).toBe('');
    expect(code).toBe(0);
  },
  300_000,
);
