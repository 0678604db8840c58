/**
 * A server of the test service in a world that the test plays: time, a client's connection, and when handlers settle.
 * `Echo` answers what it was sent at once; `Put` waits for the test; `Add` counts.
 */
import {
  EchoRequest,
  EchoResponse,
  type PutRequest,
  type PutResponse,
  TestServiceDefinition,
} from '../../generated/test/v1/test.js';
import { type CallContext } from 'nice-grpc-common';
import { NO_CALL_SCOPE } from '../../src/rpc/call-scope.js';
import { type Diagnostics, NO_DIAGNOSTICS } from '../../src/rpc/diagnostics.js';
import { type RequestContext } from '../../src/rpc/server/call-context.js';
import { Server } from '../../src/rpc/server/server.js';
import { type ServerOptions } from '../../src/rpc/server/server-options.js';
import { type CallEnd, type HandlerError } from '../../src/rpc/server/server-runtime.js';
import { type ServiceImplementation } from '../../src/rpc/service-definition.js';
import { ManualClock, settle } from './manual-clock.js';
import { ScriptedRandom } from './scripted-random.js';
import { ScriptedAcceptor, type ServedTransport } from './served-transport.js';

export type Context = CallContext & RequestContext;

export type TestImplementation = ServiceImplementation<typeof TestServiceDefinition, RequestContext>;

/** A handler of `Put` that has started. */
export interface RunningPut {
  readonly request: PutRequest;
  readonly context: Context;
  resolve(response: PutResponse): void;
  reject(error: unknown): void;
}

export const WALL_TIME = Date.UTC(2030, 0, 1);

export const ECHO = 'test.v1.TestService/Echo';
export const PUT = 'test.v1.TestService/Put';
export const ADD = 'test.v1.TestService/Add';

export class ServerFixture {
  readonly clock = new ManualClock();
  readonly random = new ScriptedRandom();
  readonly acceptor = new ScriptedAcceptor();
  readonly server: Server;
  readonly puts: RunningPut[] = [];
  addCount = 0;
  readonly contexts: Context[] = [];
  readonly ends: CallEnd[] = [];
  readonly errors: HandlerError[] = [];

  constructor(options: ServerOptions = {}, diagnostics: Diagnostics = NO_DIAGNOSTICS) {
    const environment = {
      clock: this.clock,
      random: this.random,
      wallTime: () => WALL_TIME,
      callScope: NO_CALL_SCOPE,
      diagnostics,
    };
    this.server = new Server(this.acceptor, environment, options);
    this.server.on('call', (end) => this.ends.push(end));
    this.server.on('handlerError', (error) => this.errors.push(error));
  }

  readonly implementation: TestImplementation = {
    echo: async (request, context) => {
      this.contexts.push(context);
      return { payload: request.payload };
    },
    put: (request, context) => {
      this.contexts.push(context);
      return new Promise((resolve, reject) => {
        this.puts.push({ request, context, resolve, reject });
      });
    },
    add: async (_request, context) => {
      this.contexts.push(context);
      this.addCount += 1;
      return { total: BigInt(this.addCount) };
    },
    download: () => {
      throw new Error('not called');
    },
    upload: () => {
      throw new Error('not called');
    },
    chat: () => {
      throw new Error('not called');
    },
  };

  /** The server listens with its usual implementation, changed where the test says so, and a client connects. */
  async serve(changes: Partial<TestImplementation> = {}): Promise<ServedTransport> {
    this.server.add(TestServiceDefinition, { ...this.implementation, ...changes });
    return this.connect();
  }

  /** The server listens with what was added to it, and a client connects. */
  async connect(): Promise<ServedTransport> {
    await this.server.listen('127.0.0.1:0');
    return this.acceptor.connect();
  }

  /** The handler of `Put` that started last. */
  get put(): RunningPut {
    const put = this.puts.at(-1);
    if (put === undefined) throw new Error('no handler of Put has started');
    return put;
  }

  /** It answers, and what follows from that happens. */
  async answerPut(value = 1n): Promise<void> {
    this.put.resolve({ value });
    await settle();
  }
}

export const echoRequest = (...bytes: number[]): Uint8Array =>
  EchoRequest.encode({
    payload: Uint8Array.of(...bytes),
    delayMs: 0,
    failWithCode: 0,
    failWithDetails: '',
  }).finish();

export const echoedBytes = (message: Uint8Array | undefined): number[] => [
  ...EchoResponse.decode(message ?? new Uint8Array()).payload,
];
