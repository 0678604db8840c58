/** What the gateway is for: a gRPC client, of @grpc/grpc-js and without a line of ours, fetches an image of the image server. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { createGrpcToUdpGateway } from '../../../src/gateway/index.js';
import { createImageService, ImageServiceDefinition, ImageStore } from '../../../src/images/index.js';
import { createServer, type ServerOptions } from '../../../src/index.js';
import { certificates } from '../../support/certificates.js';
import { closeLater, listenGateway } from './routes.js';

const IMAGES = fileURLToPath(new URL('../../../examples/images', import.meta.url));
const NAME = 'mandelbrot-large.png';
const CHUNK_BYTES = 1 << 20;

const { getChunk } = ImageServiceDefinition.methods;

async function serveImages(options: ServerOptions): Promise<number> {
  const store = await ImageStore.open(IMAGES);
  const server = createServer(options);
  closeLater({
    close: async () => {
      await server.shutdown({ graceMs: 0 });
      await store.close();
    },
  });
  server.add(ImageServiceDefinition, createImageService(store));
  return server.listen('127.0.0.1:0');
}

type Chunk = ReturnType<typeof getChunk.responseType.decode>;

function chunkAt(client: grpc.Client, offset: number): Promise<Chunk> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/${ImageServiceDefinition.fullName}/${getChunk.name}`,
      (request: ReturnType<typeof getChunk.requestType.fromPartial>) =>
        Buffer.from(getChunk.requestType.encode(request).finish()),
      (bytes: Buffer) => getChunk.responseType.decode(bytes),
      getChunk.requestType.fromPartial({ name: NAME, offset: BigInt(offset), length: CHUNK_BYTES }),
      (error, chunk) => {
        if (chunk === undefined) reject(error ?? new Error('there is no answer'));
        else resolve(chunk);
      },
    );
  });
}

test.each(['udp', 'udps'])('a grpc-js client fetches the image of a server at %s://', async (scheme) => {
  const { authority, localServer } = await certificates();
  const isSecure = scheme === 'udps';
  const udpPort = await serveImages(isSecure ? { tls: localServer } : {});
  const gateway = createGrpcToUdpGateway({
    target: `${scheme}://127.0.0.1:${udpPort}`,
    ...(isSecure && { channel: { tls: { ca: authority.cert } } }),
  });
  const address = `127.0.0.1:${await listenGateway(gateway)}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  closeLater({
    close: async () => {
      client.close();
    },
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let total = Infinity; size < total; size += chunks.at(-1)?.length ?? 0) {
    const { data, totalSize } = await chunkAt(client, size);
    total = Number(totalSize);
    chunks.push(data);
    if (data.length === 0) break;
  }
  const image = await readFile(`${IMAGES}/${NAME}`);
  expect(Buffer.concat(chunks).equals(image)).toBe(true);
});
