/**
 * Sends datagrams that no honest client would, at a rate, as a process of its own.
 *
 *   flood-sender KIND SCHEME PORT PER_SECOND SOCKETS [CA_FILE]
 *
 * KIND: `hellos`, each valid, of a client that is never heard of again; `garbage`: random, damaged, cut, empty and the largest that
 * there are, the damaged and cut ones of a client of its own that stays connected. Says by message when it is ready, begins with the
 * first that it gets and ends with the next, which it answers with what it has sent.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient } from '../../src/index.js';
import { SeededRandom } from '../../src/sim/seeded-random.js';
import { DatagramRelay } from './datagram-relay.js';
import { catchHello, HelloForge } from './hello-forge.js';

export interface SentFlood {
  readonly datagrams: number;
  readonly bytes: number;
  readonly seconds: number;
}

const [kind = '', scheme = '', port = '', perSecond = '', sockets = '', caFile] = process.argv.slice(2);

/** A prime, so that each comes from another socket every time. */
const HELLOS = 4_099;
const GARBAGE = 4_099;
const LARGEST_BYTES = 65_507;
/** Up to the packet number, without a token. */
const HELLO_HEADER_BYTES = 26;
const MAX_AT_ONCE = 64;

/** Datagrams that the client of a live connection sends, hello and all. */
async function honestDatagrams(): Promise<readonly Uint8Array[]> {
  const sent: Uint8Array[] = [];
  const relay = await DatagramRelay.open(Number(port), () => ({ from, bytes }) => {
    if (from === 'client') sent.push(bytes);
    return [bytes];
  });
  const options = caFile === undefined ? {} : { tls: { ca: readFileSync(caFile, 'utf8') } };
  const client = createClient(
    TestServiceDefinition,
    createChannel(`${scheme}://127.0.0.1:${relay.port}`, options),
  );
  for (let i = 0; i < 20; i++) await client.echo({ payload: randomBytes(100 * i) });
  // What is sent from now on is the client's alone.
  return [...sent];
}

async function helloForge(): Promise<HelloForge> {
  return new HelloForge(await catchHello({ isTls: scheme === 'udps' }));
}

async function hellos(): Promise<readonly Uint8Array[]> {
  const forge = await helloForge();
  return Array.from({ length: HELLOS }, () => forge.make(randomBytes(8)));
}

async function garbage(): Promise<readonly Uint8Array[]> {
  const honest = await honestDatagrams();
  const forge = await helloForge();
  const random = new SeededRandom(1);
  const below = (limit: number): number => Math.floor(random.fraction() * limit);
  const anHonest = (): Uint8Array => (honest[below(honest.length)] ?? new Uint8Array(1)).slice();
  const ofAnySize = (): number => 1 + Math.floor(1_500 ** random.fraction());
  /** Right up to somewhere in the header or behind it. */
  const begun = (length: number): Uint8Array => {
    const bytes = new Uint8Array(randomBytes(length));
    bytes.set(anHonest().subarray(0, Math.min(length, below(40))));
    return bytes;
  };
  const damaged = (bytes: Uint8Array, from = 0): Uint8Array => {
    const at = from + below(bytes.length - from);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    return bytes;
  };
  const withOtherHeader = (bytes: Uint8Array): Uint8Array => {
    damaged(bytes.subarray(0, HELLO_HEADER_BYTES));
    return bytes;
  };
  const aHello = (bytes = 1_200): Uint8Array => forge.make(randomBytes(8), bytes);
  const largest = Array.from({ length: 8 }, (_, i) =>
    i % 2 === 0 ? new Uint8Array(randomBytes(LARGEST_BYTES)) : begun(LARGEST_BYTES),
  );
  /** Of a hundred, so many of each. */
  const kinds: readonly (readonly [number, () => Uint8Array])[] = [
    [1, () => largest[below(largest.length)] ?? new Uint8Array(LARGEST_BYTES)],
    [9, () => new Uint8Array(0)],
    [25, () => new Uint8Array(randomBytes(ofAnySize()))],
    [20, () => begun(ofAnySize())],
    [15, () => damaged(anHonest())],
    [15, () => anHonest().subarray(0, below(1_200))],
    // Each of these costs a server its keys.
    [8, () => damaged(aHello(), HELLO_HEADER_BYTES)],
    [5, () => withOtherHeader(aHello())],
    [2, () => aHello(1_199)],
  ];
  const ofHundred = kinds.flatMap(([share, make]) => Array.from({ length: share }, () => make));
  return Array.from({ length: GARBAGE }, (_, i) => ofHundred[i % 100]?.() ?? new Uint8Array(0));
}

async function connectedSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  // Without a name to look up, which takes longer than to send.
  socket.connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
}

class Flood {
  #datagrams = 0;
  #bytes = 0;
  #startedAt = 0;
  #isOver = false;
  readonly #pool: readonly Uint8Array[];
  readonly #sockets: readonly Socket[];

  constructor(pool: readonly Uint8Array[], from: readonly Socket[]) {
    this.#pool = pool;
    this.#sockets = from;
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#send();
  }

  end(): SentFlood {
    this.#isOver = true;
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    return { datagrams: this.#datagrams, bytes: this.#bytes, seconds };
  }

  readonly #send = (): void => {
    if (this.#isOver) return;
    const due = ((performance.now() - this.#startedAt) / 1_000) * Number(perSecond);
    for (let i = 0; i < MAX_AT_ONCE && this.#datagrams < due; i++) {
      const datagram = this.#pool[this.#datagrams % this.#pool.length];
      const socket = this.#sockets[this.#datagrams % this.#sockets.length];
      if (datagram === undefined || socket === undefined) return;
      this.#datagrams++;
      this.#bytes += datagram.length;
      socket.send(datagram);
    }
    if (this.#datagrams < due) setImmediate(this.#send);
    else setTimeout(this.#send, 1);
  };
}

const pool = await (kind === 'hellos' ? hellos() : garbage());
const flood = new Flood(pool, await Promise.all(Array.from({ length: Number(sockets) }, connectedSocket)));
process.once('message', () => {
  flood.start();
  process.once('message', () => {
    process.send?.(flood.end(), () => process.exit());
  });
});
process.send?.('ready');
