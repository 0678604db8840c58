/**
 * A server of the test service as a process of its own, which tells its figures when it is sent any message but `end`.
 *
 *   flooded-server [CERT_FILE KEY_FILE]      without them: plaintext
 *
 * Prints `listening on PORT` and nothing else; warnings go to stderr.
 */
import { readFileSync } from 'node:fs';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { realEnvironment } from '../../src/driver/real-environment.js';
import { Server } from '../../src/rpc/server/server.js';
import { type DropReason } from '../../src/transport/connection/connection-stats.js';
import { CountedAcceptor } from './counted-acceptor.js';

export interface ServerFigures {
  readonly rssBytes: number;
  /** The most since the figures were told before. */
  readonly mostRssBytes: number;
  readonly mostConnections: number;
  readonly datagramsReceived: number;
  readonly drops: Record<DropReason, number>;
  /** Calls of `add` by key, all of them: its idempotency is not declared. */
  readonly added: number;
  /** Of those that came more than once. */
  readonly addedAgain: number;
  readonly cpuMs: number;
}

const SAMPLE_MS = 20;

const [certFile, keyFile] = process.argv.slice(2);
const tls =
  certFile === undefined || keyFile === undefined
    ? undefined
    : { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
const acceptor = new CountedAcceptor({ tls, warn: (line) => process.stderr.write(`${line}\n`) });
// Answers kept for honest clients are 32 MiB by default, and RSS twice that while they come and go: no part of what a flood costs.
const server = new Server(acceptor, realEnvironment, { maxReplyCacheBytes: 1 << 20 });
/** Which turns of each caller have come, a bit each: what is measured is the server, and not what is kept of its calls here. */
const turns = new Map<string, Uint8Array>();
const MAX_TURNS = 1 << 20;
let added = 0;
let addedAgain = 0;
server.add(TestServiceDefinition, {
  echo: async ({ payload }) => ({ payload }),
  async add({ key, amount }) {
    added++;
    if (hasCome(key)) addedAgain++;
    return { total: amount };
  },
  put: notServed,
  download: notServed,
  upload: notServed,
  chat: notServed,
});

/** `key`: a caller and its turn, as `7.1234`. */
function hasCome(key: string): boolean {
  const [caller = '', text] = key.split('.');
  const turn = Number(text);
  if (!(turn < MAX_TURNS)) throw new RangeError(`${key} is no turn below ${MAX_TURNS}`);
  let bits = turns.get(caller);
  if (bits === undefined) turns.set(caller, (bits = new Uint8Array(MAX_TURNS / 8)));
  const [at, mask] = [turn >> 3, 1 << (turn & 7)];
  const byte = bits[at] ?? 0;
  bits[at] = byte | mask;
  return (byte & mask) !== 0;
}

function notServed(): never {
  throw new Error('not served here');
}

let mostRssBytes = 0;
let mostConnections = 0;
const sampling = setInterval(sample, SAMPLE_MS);

function sample(): void {
  mostRssBytes = Math.max(mostRssBytes, process.memoryUsage.rss());
  mostConnections = Math.max(mostConnections, acceptor.connectionCount);
}

function figures(): ServerFigures {
  sample();
  const { user, system } = process.cpuUsage();
  const told = {
    rssBytes: process.memoryUsage.rss(),
    mostRssBytes,
    mostConnections,
    datagramsReceived: acceptor.datagramsReceived,
    drops: acceptor.drops,
    added,
    addedAgain,
    cpuMs: (user + system) / 1_000,
  };
  mostRssBytes = 0;
  mostConnections = 0;
  return told;
}

process.on('message', (message) => {
  if (message !== 'end') {
    process.send?.(figures());
    return;
  }
  clearInterval(sampling);
  void server.shutdown({ graceMs: 0 }).then(() => {
    process.disconnect();
  });
});

const listening = await server.listen('127.0.0.1:0');
process.stdout.write(`listening on ${listening}\n`);
