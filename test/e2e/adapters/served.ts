/**
 * The server that the clients of other libraries call: the image service over the sample images, and a test service that
 * answers with what it was asked, over UDP on loopback. What its handlers see is there for the tests to look at.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { BadRequest, packDetail, RichServerError } from '../../../src/details/index.js';
import { createImageService, ImageServiceDefinition, ImageStore } from '../../../src/images/index.js';
import {
  type CallContext,
  type Channel,
  createChannel,
  createServer,
  type RequestContext,
  ServerError,
  type ServiceImplementation,
  Status,
} from '../../../src/index.js';

export const IMAGE = 'julia.png';
/** Of GetChunk: several of them make the image. */
export const CHUNK_BYTES = 61_440;

const IMAGES = join(dirname(fileURLToPath(import.meta.url)), '../../../examples/images');

export class Served {
  readonly channel: Channel;
  /** Calls that reached a handler, by method. */
  readonly started = new Map<string, number>();
  /** Of the handlers that were told to stop, the first: resolves to the name of its method. */
  readonly cancelled: Promise<string>;
  /** What the handler that ran last was told of its deadline. */
  deadline: Date | undefined;
  readonly #close: () => Promise<void>;

  static async open(): Promise<Served> {
    const store = await ImageStore.open(IMAGES);
    const server = createServer();
    server.add(ImageServiceDefinition, createImageService(store));
    const handlers = new Handlers();
    server.add(TestServiceDefinition, handlers);
    const port = await server.listen('127.0.0.1:0');
    return new Served(createChannel(`udp://127.0.0.1:${port}`), handlers, async () => {
      await server.shutdown({ graceMs: 0 });
      await store.close();
    });
  }

  private constructor(channel: Channel, handlers: Handlers, close: () => Promise<void>) {
    this.channel = channel;
    this.started = handlers.started;
    this.cancelled = handlers.cancelled;
    this.#close = close;
    handlers.onDeadline = (deadline) => (this.deadline = deadline);
  }

  async close(): Promise<void> {
    await this.channel.close();
    await this.#close();
  }
}

/** Fetches an image as any client would, by its own calls; what came, and what the file has, as hashes. */
export async function fetchedHash(client: {
  getMeta(name: string): Promise<{ size: bigint; etag: string; sha256: Uint8Array }>;
  getChunk(name: string, offset: bigint, etag: string): Promise<{ data: Uint8Array; last: boolean }>;
}): Promise<{ chunks: number; fetched: string; told: string; file: string }> {
  const { size, etag, sha256 } = await client.getMeta(IMAGE);
  const offsets = Array.from({ length: Math.ceil(Number(size) / CHUNK_BYTES) }, (_, index) =>
    BigInt(index * CHUNK_BYTES),
  );
  const chunks = await Promise.all(offsets.map((offset) => client.getChunk(IMAGE, offset, etag)));
  expect(chunks.map(({ last }) => last)).toEqual(offsets.map((_, index) => index === offsets.length - 1));
  const hash = createHash('sha256');
  for (const { data } of chunks) hash.update(data);
  return {
    chunks: chunks.length,
    fetched: hash.digest('hex'),
    told: Buffer.from(sha256).toString('hex'),
    file: createHash('sha256')
      .update(readFileSync(join(IMAGES, IMAGE)))
      .digest('hex'),
  };
}

type HandlerContext = CallContext & RequestContext;

class Handlers implements ServiceImplementation<typeof TestServiceDefinition, RequestContext> {
  readonly started = new Map<string, number>();
  readonly cancelled: Promise<string>;
  onDeadline: (deadline: Date | undefined) => void = () => undefined;
  #onCancelled: (method: string) => void = () => undefined;

  constructor() {
    this.cancelled = new Promise((resolve) => (this.#onCancelled = resolve));
  }

  async echo(
    request: { payload: Uint8Array; delayMs: number; failWithDetails: string },
    context: HandlerContext,
  ) {
    this.#begin('echo', context);
    if (request.delayMs > 0) await setTimeout(request.delayMs, undefined, { signal: context.signal });
    if (request.failWithDetails !== '') {
      const violation = { field: 'payload', description: 'is empty' };
      throw new RichServerError(Status.INVALID_ARGUMENT, request.failWithDetails, [
        packDetail(BadRequest, { fieldViolations: [violation] }),
      ]);
    }
    return { payload: request.payload };
  }

  /** Fails once, so that only who may call it again has an answer. */
  put({ value }: { value: bigint }, context: HandlerContext) {
    const count = this.#begin('put', context);
    context.header.set('attempt', String(count));
    context.sendHeader();
    if (count === 1) throw new ServerError(Status.UNAVAILABLE, 'not yet');
    return { value };
  }

  add({ amount }: { amount: bigint }, context: HandlerContext) {
    if (this.#begin('add', context) === 1) throw new ServerError(Status.UNAVAILABLE, 'not yet');
    return { total: amount };
  }

  /** Without a count it goes on until nobody wants any more. */
  async *download({ count, size }: { count: number; size: number }, context: HandlerContext) {
    this.#begin('download', context);
    for (let index = 0; count === 0 || index < count; index++) {
      yield { payload: new Uint8Array(size).fill(index) };
    }
  }

  async upload(requests: AsyncIterable<{ payload: Uint8Array }>, context: HandlerContext) {
    this.#begin('upload', context);
    let [count, size] = [0, 0];
    for await (const { payload } of requests) {
      count++;
      size += payload.length;
    }
    return { count, size: BigInt(size) };
  }

  async *chat(requests: AsyncIterable<{ payload: Uint8Array }>, context: HandlerContext) {
    this.#begin('chat', context);
    context.sendHeader();
    for await (const { payload } of requests) yield { payload };
  }

  /** How many there were with this one. Header and trailer are the metadata of the request, under other names. */
  #begin(method: string, context: HandlerContext): number {
    const count = (this.started.get(method) ?? 0) + 1;
    this.started.set(method, count);
    this.onDeadline(context.deadline);
    context.signal.addEventListener('abort', () => {
      this.#onCancelled(method);
    });
    for (const [key, values] of context.metadata) {
      for (const value of values) {
        context.header.append(`header-${key}`, value);
        context.trailer.append(`trailer-${key}`, value);
      }
    }
    return count;
  }
}
