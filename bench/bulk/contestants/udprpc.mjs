/**
 * The product: the image service over a directory, asked for 32 pieces at a time, which is the best that was found on loopback:
 * `fetchImage` asks for 64, for paths with more delay.
 */
import { createChannel, createClient, createServer, freeBytes } from '../../../dist/src/index.js';
import { createImageService, ImageServiceDefinition, ImageStore } from '../../../dist/src/images/index.js';
import { fetchPieces } from './pieces.mjs';

const CHUNK_BYTES = 61_440;
const CALLS = 32;
/** As `fetchImage` does; with KEEP=1 the collector is left to do it. */
const free = process.env.KEEP === undefined ? freeBytes : undefined;
const transport =
  process.env.DATAGRAM_BYTES === undefined
    ? undefined
    : { maxDatagramSize: Number(process.env.DATAGRAM_BYTES) };

export async function serve(directory) {
  const server = createServer({ transport });
  server.add(ImageServiceDefinition, createImageService(await ImageStore.open(directory)));
  return server.listen('127.0.0.1:0');
}

export async function connect(port, bytes) {
  const client = createClient(
    ImageServiceDefinition,
    createChannel(`udp://127.0.0.1:${port}`, { transport }),
  );
  return () => fetchPieces((piece) => client.getChunk(piece), bytes, CHUNK_BYTES, CALLS, free);
}
