/**
 * The doors to clients: `createClient`, and a factory that puts middleware before it, both with the shapes of nice-grpc,
 * so that its middleware and code written for it run unchanged.
 */
import { type ClientMiddleware, composeClientMiddleware } from 'nice-grpc-common';
import { type Client, type ServiceDefinition } from '../service-definition.js';
import { type CallMethod, callMethodOf } from './call-method.js';
import {
  checkDefaultCallOptions,
  checkHedgedMethod,
  mayHedge,
  mergeCallOptions,
  type RpcCallOptions,
} from './call-options.js';
import { type Channel } from './channel.js';
import { type AnyClientMethod, type AnyMiddleware, createMethod } from './client.js';

/** `Ext`: the call options that the middleware added. */
export interface ClientFactory<Ext = object> {
  /** The middleware added last sees a call first. The factory itself does not change. */
  use<NewExt>(middleware: ClientMiddleware<NewExt, Ext>): ClientFactory<Ext & NewExt>;

  /** A client with this middleware. Options that cannot be are a RangeError. */
  create<Service extends ServiceDefinition>(
    definition: Service,
    channel: Channel,
    defaultCallOptions?: DefaultCallOptions<Service, Ext>,
  ): Client<Service, RpcCallOptions & Ext>;
}

/**
 * By method, and under `*` for all of them; a method's own come first. What cannot be is a RangeError at once. `hedge`
 * under `*` is for those methods that may be hedged.
 */
export type DefaultCallOptions<Service extends ServiceDefinition, Ext = object> = {
  readonly [Name in keyof Service['methods'] | '*']?: (RpcCallOptions & Partial<Ext>) | undefined;
};

/** For clients with middleware: `createClientFactory().use(middleware).create(Definition, channel)`. */
export function createClientFactory(): ClientFactory {
  return clientFactory(undefined);
}

/** A client without middleware: its unary calls run on the short way. */
export function createClient<Service extends ServiceDefinition>(
  definition: Service,
  channel: Channel,
  defaultCallOptions?: DefaultCallOptions<Service>,
): Client<Service, RpcCallOptions> {
  return createClientFactory().create(definition, channel, defaultCallOptions);
}

function clientFactory<Ext>(middleware: AnyMiddleware | undefined): ClientFactory<Ext> {
  return {
    use<NewExt>(added: ClientMiddleware<NewExt, Ext>) {
      // Which options a middleware adds is the type system's knowledge; at run time they are one object.
      const next = added as unknown as AnyMiddleware;
      return clientFactory<Ext & NewExt>(
        middleware === undefined ? next : composeClientMiddleware(middleware, next),
      );
    },

    create<Service extends ServiceDefinition>(
      definition: Service,
      channel: Channel,
      defaults: DefaultCallOptions<Service, Ext> = {},
    ) {
      const byName = defaults as Readonly<Record<string, RpcCallOptions | undefined>>;
      for (const [name, options] of Object.entries(byName)) checkDefaultCallOptions(options, name);
      const client: Record<string, AnyClientMethod> = {};
      for (const [name, method] of Object.entries(definition.methods)) {
        const callMethod = callMethodOf(definition, method);
        checkHedgedMethod(byName[name]?.hedge, callMethod.descriptor, `${name}.hedge`);
        const options = mergeCallOptions(defaultsForAll(byName['*'], callMethod), byName[name]);
        client[name] = createMethod(channel, callMethod, middleware, options);
      }
      return client as Client<Service, RpcCallOptions & Ext>;
    },
  };
}

function defaultsForAll(options: RpcCallOptions | undefined, method: CallMethod): RpcCallOptions | undefined {
  if (options?.hedge === undefined || mayHedge(method.descriptor)) return options;
  return { ...options, hedge: undefined };
}
