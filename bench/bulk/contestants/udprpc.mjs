/** The product: the image service over a directory, asked for as many pieces at a time as `fetchImage` asks for. */
import { createChannel, createClient, createServer } from '../../../dist/src/index.js';
import { createImageService, ImageServiceDefinition, ImageStore } from '../../../dist/src/images/index.js';
import { fetchPieces } from './pieces.mjs';

const CHUNK_BYTES = 262_144;
const CALLS = 16;

export async function serve(directory) {
  const server = createServer();
  server.add(ImageServiceDefinition, createImageService(await ImageStore.open(directory)));
  return server.listen('127.0.0.1:0');
}

export async function connect(port, bytes) {
  const client = createClient(ImageServiceDefinition, createChannel(`udp://127.0.0.1:${port}`));
  return () => fetchPieces((piece) => client.getChunk(piece), bytes, CHUNK_BYTES, CALLS);
}
