/**
 * What a case of the RPC matrix plays in: a server and a client of the test service, joined by whatever the harness
 * brings, with a record of what the server has started and how it ended. And how a case waits for something in it.
 */
import { type CallContext } from 'nice-grpc-common';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { type RpcCallOptions } from '../../../src/rpc/client/call-options.js';
import { Channel, type ChannelOptions } from '../../../src/rpc/client/channel.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { RpcError } from '../../../src/rpc/rpc-error.js';
import { type RequestContext } from '../../../src/rpc/server/call-context.js';
import { Server } from '../../../src/rpc/server/server.js';
import { type ServerOptions } from '../../../src/rpc/server/server-options.js';
import { type CallEnd, type HandlerError } from '../../../src/rpc/server/server-runtime.js';
import { type Client, type ServiceImplementation } from '../../../src/rpc/service-definition.js';
import { type RpcHarness } from './harness.js';

type Implementation = ServiceImplementation<typeof TestServiceDefinition, RequestContext>;
type Context = CallContext & RequestContext;

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
  readonly handlers?: Partial<Implementation>;
  /** A method that the implementation does not have. */
  readonly without?: keyof Implementation;
  readonly server?: ServerOptions;
  readonly channel?: ChannelOptions;
}

export async function openWorld(harness: RpcHarness, options: WorldOptions): Promise<World> {
  const contexts: Context[] = [];
  const ends: CallEnd[] = [];
  const errors: HandlerError[] = [];
  let total = 0n;
  const notCalled = (): never => {
    throw new Error('streaming methods are not called here');
  };
  const handlers: Implementation = {
    echo: async ({ payload }) => ({ payload }),
    put: async ({ value }) => ({ value }),
    add: async ({ amount }) => ({ total: (total += amount) }),
    download: notCalled,
    upload: notCalled,
    chat: notCalled,
    ...options.handlers,
  };
  const server = new Server(harness.acceptor, harness.environment, options.server);
  server.on('call', (end) => ends.push(end));
  server.on('handlerError', (error) => errors.push(error));
  const noting =
    <Request, Response>(handler: (request: Request, context: Context) => Response) =>
    (request: Request, context: Context): Response => {
      contexts.push(context);
      return handler(request, context);
    };
  const implementation: Implementation = {
    ...handlers,
    echo: noting(handlers.echo),
    put: noting(handlers.put),
    add: noting(handlers.add),
  };
  if (options.without !== undefined) Reflect.deleteProperty(implementation, options.without);
  server.add(TestServiceDefinition, implementation);
  const port = await harness.settle(server.listen(harness.address));
  const channel = new Channel(harness.connectorTo(port), harness.environment, options.channel);
  const client = createClient(TestServiceDefinition, channel);
  return { harness, server, channel, client, contexts, ends, errors };
}

/** `Put` and `Add` wait until their signal is aborted, or the test lets them go. */
export function waiting(server: ServerOptions = {}): WorldOptions {
  const wait = <Response>(response: Response, context: Context): Promise<Response> =>
    new Promise((resolve, reject) => {
      waitingHandlers.set(context, () => {
        resolve(response);
      });
      context.signal.addEventListener('abort', () => {
        reject(context.signal.reason as Error);
      });
    });
  return {
    server,
    handlers: {
      put: ({ value }, context) => wait({ value }, context),
      add: (_request, context) => wait({}, context),
    },
  };
}

export function release(context: Context | undefined): void {
  if (context !== undefined) waitingHandlers.get(context)?.();
}

const waitingHandlers = new WeakMap<Context, () => void>();

/** Resolves when so many handlers have started; rejects when the call ends before. */
export function started(
  { harness, contexts }: World,
  call: Promise<unknown> | undefined,
  count: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    call?.catch(reject);
    const look = (): void => {
      if (contexts.length >= count) resolve();
      else harness.environment.clock.setTimer(look, 1);
    };
    look();
  });
}

export async function failure(harness: RpcHarness, call: Promise<unknown>): Promise<RpcError> {
  const error = await harness.settle(
    call.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  if (error instanceof RpcError) return error;
  throw new Error(
    error === undefined ? 'the call did not fail' : `not an RpcError: ${JSON.stringify(error)}`,
  );
}
