/**
 * The two libraries that the tests of this folder run against: nice-grpc, by which each expectation is proven, and
 * udprpc, which has to meet it. Both wear the types of nice-grpc: the bodies of the tests are code written for that. Only
 * what belongs to a library itself differs here: how its server and its channel are closed.
 */
import * as niceGrpc from 'nice-grpc';
import * as udprpc from '../../../src/index.js';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';

/** What is imported from one of them. */
export type Library = Pick<
  typeof niceGrpc,
  | 'createServer'
  | 'createChannel'
  | 'createClient'
  | 'createClientFactory'
  | 'composeClientMiddleware'
  | 'composeServerMiddleware'
  | 'Metadata'
  | 'Status'
  | 'ServerError'
  | 'ClientError'
>;

export interface World {
  readonly name: 'nice-grpc' | 'udprpc';
  readonly library: Library;
  closeServer(server: AnyServer): Promise<void>;
  closeChannel(channel: niceGrpc.Channel): Promise<void>;
}

/** With whatever its middleware adds. */
export type AnyServer = Pick<niceGrpc.Server, 'listen' | 'shutdown' | 'forceShutdown'>;

export type TestClient = niceGrpc.Client<typeof TestServiceDefinition>;
export type TestImplementation<Ext = object> = niceGrpc.ServiceImplementation<
  typeof TestServiceDefinition,
  Ext
>;

export const WORLDS: readonly World[] = [
  {
    name: 'nice-grpc',
    library: niceGrpc,
    closeServer: async (server) => {
      server.forceShutdown();
    },
    closeChannel: async (channel) => {
      channel.close();
    },
  },
  {
    name: 'udprpc',
    library: udprpc as unknown as Library,
    closeServer: async (server) => {
      await (server as unknown as udprpc.Server).shutdown({ graceMs: 0 });
    },
    closeChannel: (channel) => (channel as unknown as udprpc.Channel).close(),
  },
];

/** The servers and channels of one test, closed after it, however it ends. Made inside of `describe`. */
export class Stage {
  readonly #world: World;
  readonly #library: Library;
  #servers: AnyServer[] = [];
  #channels: niceGrpc.Channel[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#library = world.library;
    afterEach(() => this.#close());
  }

  /** A channel to a new server of the test service; `prepare` attaches middleware to it. */
  async serve<Ext = object>(
    implementation: Partial<TestImplementation<Ext>>,
    prepare?: (server: niceGrpc.Server) => niceGrpc.Server<Ext>,
  ): Promise<niceGrpc.Channel> {
    const server = this.#library.createServer();
    const prepared = prepare?.(server) ?? (server as niceGrpc.Server<Ext>);
    const whole = { ...UNSERVED, ...implementation } as TestImplementation<Ext>;
    prepared.add(TestServiceDefinition, whole);
    return this.connect(prepared);
  }

  /** A client of a new server of the test service. */
  async client<Ext = object>(
    implementation: Partial<TestImplementation<Ext>>,
    prepare?: (server: niceGrpc.Server) => niceGrpc.Server<Ext>,
  ): Promise<TestClient> {
    return this.#library.createClient(TestServiceDefinition, await this.serve(implementation, prepare));
  }

  /** A channel to a server that has its services. */
  async connect(server: AnyServer): Promise<niceGrpc.Channel> {
    const port = await this.listen(server);
    const channel = this.#library.createChannel(`127.0.0.1:${port}`);
    this.#channels.push(channel);
    return channel;
  }

  listen(server: AnyServer): Promise<number> {
    this.#servers.push(server);
    return server.listen('127.0.0.1:0');
  }

  async #close(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => this.#world.closeChannel(channel)));
    await Promise.all(this.#servers.map((server) => this.#world.closeServer(server)));
    this.#channels = [];
    this.#servers = [];
  }
}

/** nice-grpc does not listen with a method missing. */
const UNSERVED: TestImplementation = {
  echo: notExpected,
  put: notExpected,
  add: notExpected,
  download: notExpected,
  upload: notExpected,
  chat: notExpected,
};

function notExpected(): never {
  throw new niceGrpc.ServerError(niceGrpc.Status.UNIMPLEMENTED, 'the test serves no such method');
}
