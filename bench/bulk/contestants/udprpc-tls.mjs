/** The product as in `udprpc.mjs`, under TLS 1.3 with AES-128-GCM. */
import { createChannel, createClient, createServer, freeBytes } from '../../../dist/src/index.js';
import { createImageService, ImageServiceDefinition, ImageStore } from '../../../dist/src/images/index.js';
import { makeCertificate, publish, published } from '../../peers/certificate.mjs';
import { fetchPieces } from './pieces.mjs';

const CHUNK_BYTES = 61_440;
const CALLS = 32;
/** As `fetchImage` does; with KEEP=1 the collector is left to do it. */
const free = process.env.KEEP === undefined ? freeBytes : undefined;
const transport =
  process.env.DATAGRAM_BYTES === undefined
    ? undefined
    : { maxDatagramSize: Number(process.env.DATAGRAM_BYTES) };
const ciphers = 'TLS_AES_128_GCM_SHA256';

export async function serve(directory) {
  const certificate = await makeCertificate();
  const server = createServer({ tls: { ...certificate, ciphers }, transport });
  server.add(ImageServiceDefinition, createImageService(await ImageStore.open(directory)));
  const port = await server.listen('127.0.0.1:0');
  await publish(port, certificate);
  return port;
}

export async function connect(port, bytes) {
  const tls = { ca: await published(port), ciphers };
  const client = createClient(
    ImageServiceDefinition,
    createChannel(`udps://127.0.0.1:${port}`, { tls, transport }),
  );
  return () => fetchPieces((piece) => client.getChunk(piece), bytes, CHUNK_BYTES, CALLS, free);
}
