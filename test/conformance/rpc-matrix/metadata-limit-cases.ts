/**
 * What all kinds of methods share of the limits on metadata [RPC-7]: each side has one for each direction. What is as
 * large as they allow goes through; one byte more fails that call and no other, not even on its connection, and the
 * error names the side and the option.
 */
import { Metadata, Status } from 'nice-grpc-common';
import { type RpcError } from '../../../src/rpc/rpc-error.js';
import { begin, type Kind, type RunningCall } from './four-kinds.js';
import { failure } from './waiting.js';
import { type Context, type OpenWorld, type RpcCase, type World, type WorldOptions } from './world.js';

export function metadataLimitCases(rpcCase: RpcCase, kind: Kind): void {
  for (const { side, options, details } of REQUEST_LIMITS) {
    rpcCase(`a request's metadata at the limit of the ${side}, and one byte above`, async (open) => {
      const play = await Play.open(open, kind, options);
      const { contexts } = play.world;
      expect(await play.failureOf({ request: 101 })).toMatchObject({
        code: Status.RESOURCE_EXHAUSTED,
        details: details('request'),
        maybeExecuted: false,
        // A client finds out before it makes one.
        attempts: side === 'client' ? 0 : 1,
      });
      expect(contexts).toEqual([]);
      await play.succeed({ request: 100 });
      expect(contexts.map(({ metadata }) => sizeOf(metadata))).toEqual([100]);
      expect(play.connections).toBe(1);
    });
  }
  for (const part of ['header', 'trailer'] as const) {
    for (const { side, options, details } of RESPONSE_LIMITS) {
      rpcCase(`a ${part}'s metadata at the limit of the ${side}, and one byte above`, async (open) => {
        const play = await Play.open(open, kind, options);
        expect(await play.failureOf({ [part]: 101 })).toMatchObject({
          code: Status.RESOURCE_EXHAUSTED,
          details: details(part),
          maybeExecuted: true,
          attempts: 1,
        });
        const { headers, trailers } = await play.succeed({ [part]: 100 });
        expect((part === 'header' ? headers : trailers).map(sizeOf)).toEqual([100]);
        expect(play.connections).toBe(1);
      });
    }
  }

  rpcCase('metadata above the default, where both sides allow it', async (open) => {
    const limits = { maxSendMetadataBytes: 11_000, maxReceiveMetadataBytes: 11_000 };
    const play = await Play.open(open, kind, { server: limits, channel: limits });
    const sizes = { request: 11_000, header: 10_999, trailer: 10_998 };
    const { headers, trailers } = await play.succeed(sizes);
    const received = play.world.contexts.map(({ metadata }) => metadata);
    expect([received, headers, trailers].map((each) => each.map(sizeOf))).toEqual([
      [11_000],
      [10_999],
      [10_998],
    ]);
  });
}

/** How many bytes of metadata there are; 0 is none. */
interface Sizes {
  readonly request?: number;
  readonly header?: number;
  readonly trailer?: number;
}

/** One call after another, whose handlers answer with as much metadata as the call is to have. */
class Play {
  readonly world: World;
  connections = 0;
  readonly #kind: Kind;
  readonly #ask: (sizes: Sizes) => void;

  private constructor(world: World, kind: Kind, ask: (sizes: Sizes) => void) {
    this.world = world;
    this.#kind = kind;
    this.#ask = ask;
    world.server.on('connection', () => this.connections++);
  }

  static async open(open: OpenWorld, kind: Kind, options: WorldOptions): Promise<Play> {
    let asked: Sizes = {};
    async function* conversation(_requests: unknown, { header, trailer }: Context) {
      if (asked.header !== undefined) header.set('k', valueFor(asked.header));
      if (asked.trailer !== undefined) trailer.set('k', valueFor(asked.trailer));
      yield SMALL;
    }
    return new Play(await open({ ...options, conversation }), kind, (sizes) => (asked = sizes));
  }

  failureOf(sizes: Sizes): Promise<RpcError> {
    return failure(this.world.harness, this.#begin(sizes));
  }

  async succeed(sizes: Sizes): Promise<RunningCall> {
    const call = this.#begin(sizes);
    expect(await this.world.harness.settle(call.ended)).toBeUndefined();
    return call;
  }

  #begin(sizes: Sizes): RunningCall {
    this.#ask(sizes);
    const { request } = sizes;
    const metadata = request === undefined ? undefined : Metadata({ k: valueFor(request) });
    return begin(this.world.channel, this.#kind, [SMALL], { metadata });
  }
}

/** Under a key of one character. */
function valueFor(size: number): string {
  return 'x'.repeat(size - 1);
}

function sizeOf(metadata: Metadata): number {
  return 1 + (metadata.get('k')?.length ?? NaN);
}

interface Limit {
  readonly side: string;
  readonly options: WorldOptions;
  readonly details: (part: string) => string;
}

const REQUEST_LIMITS: readonly Limit[] = [
  {
    side: 'client',
    options: { channel: { maxSendMetadataBytes: 100 } },
    details: (part) =>
      `${part} metadata of 101 bytes is above this client's maxSendMetadataBytes of 100 bytes`,
  },
  {
    side: 'server',
    options: { server: { maxReceiveMetadataBytes: 100 } },
    details: (part) =>
      `the server refused the request: ${part} metadata of 101 bytes is above the server's maxReceiveMetadataBytes of 100 bytes`,
  },
];

const RESPONSE_LIMITS: readonly Limit[] = [
  {
    side: 'server',
    options: { server: { maxSendMetadataBytes: 100 } },
    details: (part) =>
      `the server's response metadata cannot be sent: ${part} metadata of 101 bytes is above the server's maxSendMetadataBytes of 100 bytes`,
  },
  {
    side: 'client',
    options: { channel: { maxReceiveMetadataBytes: 100 } },
    details: (part) =>
      `${part} metadata of 101 bytes is above this client's maxReceiveMetadataBytes of 100 bytes`,
  },
];

const SMALL = Uint8Array.of(1, 2, 3);
