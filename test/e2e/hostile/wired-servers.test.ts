/** Two servers whose answers someone brings to each other, so that each takes the other for its client. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { certificates } from '../../support/certificates.js';
import { catchHello, HelloForge } from '../../support/hello-forge.js';
import { isLong, printFigures } from '../../support/long-run.js';
import { RawSocket } from '../../support/raw-socket.js';
import { closeAll, closeLater, serveEcho, type TlsServer } from '../../support/tls-fixture.js';

afterEach(closeAll);

/**
 * Until then a server repeats its hello, as for any client that is silent, three times the bytes of what it has heard at most.
 * The default is ten seconds.
 */
const HANDSHAKE_MS = isLong ? 10_000 : 3_000;
const SILENT_AFTER_MS = isLong ? HANDSHAKE_MS + 2_000 : 5_000;
const HELLO_BYTES = 1_200;

/** Someone who brings what the one says to the other, in the name of both. */
class Wire {
  /** Bytes of each datagram. */
  readonly firstSaid: number[] = [];
  readonly secondSaid: number[] = [];
  /** `performance.now()`. */
  lastAt = performance.now();
  readonly #first: TlsServer;
  readonly #end: RawSocket;

  static async open(first: TlsServer, second: TlsServer): Promise<Wire> {
    const [end, otherEnd] = [await RawSocket.open(), await RawSocket.open()];
    closeLater(() => Promise.all([end.close(), otherEnd.close()]));
    return new Wire(first, second, end, otherEnd);
  }

  private constructor(first: TlsServer, second: TlsServer, end: RawSocket, otherEnd: RawSocket) {
    this.#first = first;
    this.#end = end;
    const bring = (said: number[], from: RawSocket, by: RawSocket, to: TlsServer): void => {
      from.onHeard = (bytes) => {
        said.push(bytes.length);
        this.lastAt = performance.now();
        void by.send(bytes, to.port);
      };
    };
    bring(this.firstSaid, end, otherEnd, second);
    bring(this.secondSaid, otherEnd, end, first);
  }

  /** To the first, as if the second had said it. */
  start(datagram: Uint8Array): Promise<void> {
    return this.#end.send(datagram, this.#first.port);
  }
}

/** What makes a server speak. */
function starts(hello: Uint8Array): Record<string, Uint8Array> {
  const forge = new HelloForge(hello);
  const otherVersion = forge.make(randomBytes(8));
  otherVersion[4] = 0xff;
  const short = new Uint8Array(randomBytes(HELLO_BYTES));
  short[0] = 0x40;
  return {
    'a hello': forge.make(randomBytes(8)),
    'a hello of another version': otherVersion,
    'a packet of no connection': short,
  };
}

test.each([
  ['plaintext', false],
  ['TLS', true],
])(
  '[AMP-3] two servers wired to each other never answer each other, and are silent: %s',
  async (title, isTls) => {
    const { localServer } = await certificates();
    const options = {
      transport: { handshakeTimeoutMs: HANDSHAKE_MS },
      ...(isTls ? { tls: localServer } : {}),
    };
    const [first, second] = [await serveEcho(options), await serveEcho(options)];
    const datagrams = Object.entries(starts(await catchHello({ isTls })));
    const wires = await Promise.all(datagrams.map(() => Wire.open(first, second)));
    const forgotten = first.watch.forgotten();
    const startedAt = performance.now();
    for (const [i, [, datagram]] of datagrams.entries()) await wires[i]?.start(datagram);
    // Of the hello the first makes a connection; when that is over nobody has anything left to say.
    await forgotten;
    const silentAfterMs = Math.max(...wires.map(({ lastAt }) => lastAt)) - startedAt;
    const said = wires.map(({ firstSaid }) => firstSaid.reduce((sum, bytes) => sum + bytes, 0));
    printFigures(
      `two servers wired to each other, ${title}`,
      ...datagrams.map(([what], i) => `${what}: ${said[i]} B in ${wires[i]?.firstSaid.length} datagrams`),
      `${wires.reduce((sum, { secondSaid }) => sum + secondSaid.length, 0)} answers to these`,
      `silent after ${(silentAfterMs / 1_000).toFixed(2)} s`,
    );
    expect(wires.map(({ secondSaid }) => secondSaid)).toEqual([[], [], []]);
    expect(said[0]).toBeGreaterThan(0);
    expect(said[0]).toBeLessThanOrEqual(3 * HELLO_BYTES);
    // One answer each, and smaller than what asked for it.
    expect(wires.slice(1).map(({ firstSaid }) => firstSaid.length)).toEqual([1, 1]);
    expect(Math.max(...said.slice(1))).toBeLessThan(HELLO_BYTES);
    expect(first.watch.connections).toHaveLength(1);
    expect(second.watch.connections).toHaveLength(0);
    expect(silentAfterMs).toBeLessThan(SILENT_AFTER_MS);
  },
  30_000,
);
