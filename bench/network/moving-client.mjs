/**
 * A fetch of 50 MB by a client that moves, twice: once behind a relay that goes on from another port every 2 s, as a NAT
 * that forgets, and once with the address of its interface removed and another one added every 5 s, as a telephone that
 * changes networks. Prints for each how often it moved, how many connections the server saw, and the longest time in
 * which nothing arrived; the bytes are those of the server (their SHA-256 is checked by the fetch). Exit code 1 when there
 * was a second connection, too few moves, or a stall above 1 s.
 *
 *   node network/moving-client.mjs [port|address]      as root, on Linux
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createChannel, createClient, createServer } from '../../dist/src/index.js';
import {
  createImageService,
  fetchImage,
  ImageServiceDefinition,
  ImageStore,
} from '../../dist/src/images/index.js';
import { payload } from './contestants/payload.mjs';
import { ip, LINK, mayMakeNamespaces, withNamespaces } from './namespaces.mjs';
import { temporaryDirectory } from './temporary-directory.mjs';

const IMAGE_BYTES = 50_000_000;
/** Slow enough for the moves of both parts. */
const RATE = '20mbit';
const SERVER_IP = '10.79.0.1';
const clientIp = (index) => `10.79.0.${2 + index}`;
const PORT_LASTS_MS = 2_000;
const ADDRESS_LASTS_MS = 5_000;
/** Without any address. */
const GAP_MS = 200;
const MAX_STALL_MS = 1_000;
const LONGEST_RUN_MS = 60_000;
/** What comes without any byte of the image: answers to probes. */
const FEW_DATAGRAMS = 4;
const SAMPLE_MS = 5;

const PARTS = {
  port: { title: `another port every ${PORT_LASTS_MS} ms`, minMoves: 5, measure: measurePorts },
  address: {
    title: `another address every ${ADDRESS_LASTS_MS} ms, ${GAP_MS} ms without one`,
    minMoves: 3,
    measure: measureAddresses,
  },
};
const ROLES = { serve, relay, fetch: fetchAndWatch };

const [word, ...args] = process.argv.slice(2);
if (word in ROLES) await ROLES[word](...args);
else if (word !== undefined && !(word in PARTS)) {
  console.error(`port or address, not ${word}`);
  process.exitCode = 2;
} else if (mayMakeNamespaces()) {
  for (const part of word === undefined ? Object.values(PARTS) : [PARTS[word]]) await measure(part);
}

async function measure({ title, minMoves, measure: run }) {
  const network = {
    tag: 'move',
    serverIp: SERVER_IP,
    clientIp: clientIp(0),
    rate: RATE,
    longestRunMs: LONGEST_RUN_MS,
  };
  const { moves, fetched, connections } = await withNamespaces(network, run);
  const { bytes, seconds, stallMs, stallAtSeconds, states } = fetched;
  console.log(title);
  console.log(`  ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s, the same bytes; ${moves} moves`);
  console.log(`  connections seen by the server: ${connections}; the channel's states: ${states.join(' ')}`);
  console.log(`  longest stall ${stallMs.toFixed(0)} ms, after ${stallAtSeconds.toFixed(1)} s`);
  if (connections !== 1 || moves < minMoves || stallMs > MAX_STALL_MS) process.exitCode = 1;
}

async function measurePorts(pair) {
  const { serving, port } = await startServer(pair);
  const relaying = pair.spawn(pair.client, 'moving-client.mjs', 'relay', port);
  const relayPort = await firstLine(relaying);
  const fetched = await resultOf(
    pair.spawn(pair.client, 'moving-client.mjs', 'fetch', clientIp(0), relayPort),
  );
  return { moves: Number(await lastLine(relaying)), fetched, connections: Number(await lastLine(serving)) };
}

async function measureAddresses(pair) {
  const { serving, port } = await startServer(pair);
  const fetching = pair.spawn(pair.client, 'moving-client.mjs', 'fetch', SERVER_IP, port);
  const end = new AbortController();
  const moving = moveAddresses(pair.client, end.signal);
  try {
    const fetched = await resultOf(fetching);
    end.abort();
    return { moves: await moving, fetched, connections: Number(await lastLine(serving)) };
  } finally {
    end.abort();
    await moving;
  }
}

/** Resolves to the number of changes when `signal` is aborted. */
async function moveAddresses(namespace, signal) {
  for (let moves = 0; ; moves++) {
    try {
      await wait(ADDRESS_LASTS_MS - GAP_MS, undefined, { signal });
      ip('-n', namespace, 'address', 'delete', `${clientIp(moves)}/24`, 'dev', LINK);
      await wait(GAP_MS, undefined, { signal });
    } catch (error) {
      if (signal.aborted) return moves;
      throw error;
    }
    ip('-n', namespace, 'address', 'add', `${clientIp(moves + 1)}/24`, 'dev', LINK);
  }
}

async function startServer(pair) {
  const serving = pair.spawn(pair.server, 'moving-client.mjs', 'serve');
  return { serving, port: await firstLine(serving) };
}

/** In the server's namespace: prints its port, and when its input ends the number of connections it has had. */
async function serve() {
  const directory = await temporaryDirectory();
  try {
    await writeFile(join(directory, 'image.bin'), payload(IMAGE_BYTES));
    const server = createServer({ insecure: true, warn: () => {} });
    const store = await ImageStore.open(directory);
    await store.describe('image.bin');
    server.add(ImageServiceDefinition, createImageService(store));
    let connections = 0;
    server.on('connection', () => connections++);
    console.log(await server.listen(`${SERVER_IP}:0`));
    await inputEnd();
    await server.shutdown({ graceMs: 0 });
    console.log(connections);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** In the client's namespace: prints its port, and when its input ends how often it went on from another one. */
async function relay(serverPort) {
  let client;
  const inner = createSocket('udp4');
  const openOuter = () => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    socket.on('message', (datagram) => inner.send(datagram, client.port, client.address));
    return socket;
  };
  let outer = openOuter();
  inner.on('message', (datagram, from) => {
    client = from;
    outer.send(datagram, Number(serverPort), SERVER_IP);
  });
  inner.bind(0, clientIp(0));
  await once(inner, 'listening');
  console.log(inner.address().port);
  let moves = 0;
  const timer = setInterval(() => {
    outer.close();
    outer = openOuter();
    moves++;
  }, PORT_LASTS_MS);
  await inputEnd();
  clearInterval(timer);
  outer.close();
  inner.close();
  console.log(moves);
}

/** In the client's namespace: prints the result as JSON. */
async function fetchAndWatch(host, port) {
  const directory = await temporaryDirectory();
  const channel = createChannel(`udp://${host}:${port}`, {
    insecure: true,
    qlogDir: process.env.MOVING_QLOG,
  });
  const states = [];
  channel.on('state', ({ to }) => states.push(to));
  const startedAt = performance.now();
  const result = { stallMs: 0, stallAtSeconds: 0, states };
  let progressAt = startedAt;
  let count = 0;
  const sampling = setInterval(() => {
    const { datagramsReceived = 0 } = channel.stats() ?? {};
    if (Math.abs(datagramsReceived - count) < FEW_DATAGRAMS) return;
    const now = performance.now();
    if (now - progressAt > result.stallMs) {
      Object.assign(result, { stallMs: now - progressAt, stallAtSeconds: (progressAt - startedAt) / 1_000 });
    }
    progressAt = now;
    count = datagramsReceived;
  }, SAMPLE_MS);
  try {
    const client = createClient(ImageServiceDefinition, channel);
    const { bytes, seconds } = await fetchImage(client, 'image.bin', { directory });
    console.log(JSON.stringify({ ...result, bytes, seconds }));
  } finally {
    clearInterval(sampling);
    await channel.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function inputEnd() {
  process.stdin.resume();
  await once(process.stdin, 'end');
}

async function firstLine(child) {
  const [text] = await once(child.stdout, 'data');
  return text.trim();
}

/** Ends its input; what it has to say then. */
async function lastLine(child) {
  child.stdin.end();
  return firstLine(child);
}

async function resultOf(child) {
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the fetch did not end well (exit code ${code})`);
  return JSON.parse(output);
}
