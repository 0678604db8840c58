/** The product: its image service over a directory, and `fetchImage` into another. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChannel, createClient, createServer } from '../../../dist/src/index.js';
import {
  createImageService,
  fetchImage,
  ImageServiceDefinition,
  ImageStore,
} from '../../../dist/src/images/index.js';
import { REQUEST, RESPONSE, TestServiceDefinition } from '../../peers/payload.mjs';
import { payload, timed } from './payload.mjs';

/** `controller` is a server's too: it sends the bytes of a fetch. */
export async function serve(host, controller, bytes) {
  const directory = await mkdtemp(join(tmpdir(), 'udprpc-bench-'));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => rm(directory, { recursive: true }).finally(() => process.exit(0)));
  }
  await writeFile(join(directory, 'image.bin'), payload(Number(bytes)));
  const server = createServer({ insecure: true, warn: () => {}, transport: transport(controller) });
  const store = await ImageStore.open(directory);
  // What it costs to read and to hash a file is not the network's.
  await store.describe('image.bin');
  server.add(ImageServiceDefinition, createImageService(store));
  server.add(TestServiceDefinition, { echo: async () => RESPONSE });
  return server.listen(`${host}:0`);
}

export async function fetch(host, port, controller) {
  const directory = await mkdtemp(join(tmpdir(), 'udprpc-bench-'));
  const channel = open(host, port, controller);
  try {
    const client = createClient(ImageServiceDefinition, channel);
    return await timed(async () => {
      const { bytes } = await fetchImage(client, 'image.bin', { directory });
      return { bytes, ...channel.stats() };
    });
  } finally {
    await channel.close();
    await rm(directory, { recursive: true });
  }
}

/** Fetches the image again and again for `seconds`; says how many bytes came in each second. */
export async function flow(host, port, controller, seconds) {
  const channel = open(host, port, controller);
  const client = createClient(ImageServiceDefinition, channel);
  const perSecond = Array.from({ length: Number(seconds) }, () => 0);
  const startedAt = performance.now();
  const chunkBytes = 61_440;
  const one = async () => {
    for (;;) {
      const { data } = await client.getChunk({ name: 'image.bin', offset: 0n, length: chunkBytes });
      const second = Math.floor((performance.now() - startedAt) / 1_000);
      if (second >= perSecond.length) return;
      perSecond[second] += data.length;
    }
  };
  await Promise.all(Array.from({ length: 64 }, one));
  await channel.close();
  return { perSecond };
}

/** Small calls, `inFlight` at a time; how long each took, in milliseconds. */
export async function calls(host, port, controller, inFlight, seconds) {
  const channel = open(host, port, controller);
  const client = createClient(TestServiceDefinition, channel);
  const call = () => client.echo(REQUEST);
  for (let i = 0; i < 500; i++) await call();
  const times = [];
  const end = performance.now() + Number(seconds) * 1_000;
  await Promise.all(
    Array.from({ length: Number(inFlight) }, async () => {
      while (performance.now() < end) {
        const startedAt = performance.now();
        await call();
        times.push(performance.now() - startedAt);
      }
    }),
  );
  const stats = channel.stats();
  await channel.close();
  return { times, stats };
}

function open(host, port, controller) {
  return createChannel(`udp://${host}:${port}`, { insecure: true, transport: transport(controller) });
}

function transport(controller) {
  return controller === 'default' ? {} : { congestionControl: controller };
}
