/**
 * What a case of the RPC matrix plays in: a server and a client joined by whatever the harness brings, with a record of
 * what the server has started and how it ended. After each case its world is closed, whatever happened, and must be
 * empty then: no timer, no handler without an end, no promise that was rejected with nobody to hear of it.
 */
import { type CallContext } from 'nice-grpc-common';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { type RpcCallOptions } from '../../../src/rpc/client/call-options.js';
import { Channel, type ChannelOptions } from '../../../src/rpc/client/channel.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { type RequestContext } from '../../../src/rpc/server/call-context.js';
import { Server } from '../../../src/rpc/server/server.js';
import { type ServerOptions } from '../../../src/rpc/server/server-options.js';
import { type CallEnd, type HandlerError } from '../../../src/rpc/server/server-runtime.js';
import { type Client, type ServiceImplementation } from '../../../src/rpc/service-definition.js';
import { settle } from '../../support/manual-clock.js';
import { type Conversation, echoAll, FOUR_KINDS, fourKindsOf } from './four-kinds.js';
import { type OpenHarness, type RpcHarness } from './harness.js';

export type Context = CallContext & RequestContext;
type Implementation = ServiceImplementation<typeof TestServiceDefinition, RequestContext>;

export interface World {
  readonly harness: RpcHarness;
  readonly server: Server;
  readonly channel: Channel;
  readonly client: Client<typeof TestServiceDefinition, RpcCallOptions>;
  /** Of the handlers that have started, in order. */
  readonly contexts: Context[];
  readonly ends: CallEnd[];
  readonly errors: HandlerError[];
}

export interface WorldOptions {
  /** Instead of those that do what the test service's `.proto` says. */
  readonly handlers?: Partial<Implementation>;
  /** What the methods of every kind do: by default they echo. Null: the server has the service, but not the methods. */
  readonly conversation?: Conversation | null;
  readonly server?: ServerOptions;
  readonly channel?: ChannelOptions;
}

export type OpenWorld = (options?: WorldOptions) => Promise<World>;
export type RpcCase = (title: string, run: (open: OpenWorld) => Promise<void>) => void;

/** Each case opens a world for itself. */
export function casesIn(openHarness: OpenHarness): RpcCase {
  return (title, run) => {
    test(title, () => playCase(openHarness, run), CASE_TIMEOUT_MS);
  };
}

async function playCase(openHarness: OpenHarness, run: (open: OpenWorld) => Promise<void>): Promise<void> {
  const worlds: World[] = [];
  const unheard: unknown[] = [];
  const note = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', note);
  try {
    await run(async (options = {}) => {
      const world = await openWorld(await openHarness(), options);
      worlds.push(world);
      return world;
    });
  } finally {
    for (const { harness, channel, server } of worlds) {
      await harness.settle(channel.close());
      await harness.settle(server.shutdown({ graceMs: 0 }));
    }
    // Node tells of a rejection at the end of the turn.
    await settle();
    process.off('unhandledRejection', note);
  }
  expect(unheard).toEqual([]);
  for (const { harness, contexts, ends } of worlds) {
    expect(ends.filter(({ wasStarted }) => wasStarted)).toHaveLength(contexts.length);
    await harness.end();
  }
}

async function openWorld(harness: RpcHarness, options: WorldOptions): Promise<World> {
  const contexts: Context[] = [];
  const ends: CallEnd[] = [];
  const errors: HandlerError[] = [];
  const server = new Server(harness.acceptor, harness.environment, options.server);
  server.on('call', (end) => ends.push(end));
  server.on('handlerError', (error) => errors.push(error));
  const noting =
    <Request, Response>(handler: (request: Request, context: Context) => Response) =>
    (request: Request, context: Context): Response => {
      contexts.push(context);
      return handler(request, context);
    };
  const handlers: Implementation = { ...testService(), ...options.handlers };
  server.add(TestServiceDefinition, {
    echo: noting(handlers.echo),
    put: noting(handlers.put),
    add: noting(handlers.add),
    download: noting(handlers.download),
    upload: noting(handlers.upload),
    chat: noting(handlers.chat),
  });
  const { conversation = echoAll } = options;
  for (const definition of FOUR_KINDS) {
    const kinds = fourKindsOf(conversation ?? echoAll);
    const implementation = {
      unary: noting(kinds.unary),
      serverStreaming: noting(kinds.serverStreaming),
      clientStreaming: noting(kinds.clientStreaming),
      bidirectional: noting(kinds.bidirectional),
    };
    if (conversation === null) {
      for (const name of Object.keys(implementation)) Reflect.deleteProperty(implementation, name);
    }
    server.add(definition, implementation);
  }
  const port = await harness.settle(server.listen(harness.address));
  const channel = new Channel(harness.connectorTo(port), harness.environment, options.channel);
  const client = createClient(TestServiceDefinition, channel);
  return { harness, server, channel, client, contexts, ends, errors };
}

function testService(): Implementation {
  let total = 0n;
  return {
    echo: async ({ payload }) => ({ payload }),
    put: async ({ value }) => ({ value }),
    add: async ({ amount }) => ({ total: (total += amount) }),
    async *download({ count, size }) {
      for (let index = 0; index < count; index++) yield { payload: new Uint8Array(size).fill(index) };
    },
    async upload(requests) {
      let count = 0;
      let size = 0;
      for await (const { payload } of requests) {
        count++;
        size += payload.length;
      }
      return { count, size: BigInt(size) };
    },
    async *chat(requests) {
      for await (const { payload } of requests) yield { payload };
    },
  };
}

/** Real time for all of a case; virtual time is free. */
const CASE_TIMEOUT_MS = 30_000;
