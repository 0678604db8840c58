/**
 * A channel as the `Rpc` that ts-proto's generated `…ClientImpl` classes take. They hand over bytes and names only, so
 * what the `.proto` says of idempotency is unknown here, and their calls count as undeclared, unless the definitions are
 * given too.
 */
import { methodPath, type ServiceDefinition } from '../service-definition.js';
import { callUnary } from './call.js';
import { bytesMethod, type CallMethod } from './call-method.js';
import { mergeCallOptions, type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { failingIterable, notYet } from './client.js';

/** One shape for every service: the generated interface of each has those of these methods that it needs. */
export interface TsProtoRpc {
  request(service: string, method: string, data: Uint8Array, abortSignal?: AbortSignal): Promise<Uint8Array>;
  clientStreamingRequest(
    service: string,
    method: string,
    data: AsyncIterable<Uint8Array>,
    abortSignal?: AbortSignal,
  ): Promise<Uint8Array>;
  serverStreamingRequest(
    service: string,
    method: string,
    data: Uint8Array,
    abortSignal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  bidirectionalStreamingRequest(
    service: string,
    method: string,
    data: AsyncIterable<Uint8Array>,
    abortSignal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}

export interface RpcAdapterOptions {
  /** For every call. Default: those of the channel. */
  readonly callOptions?: RpcCallOptions | undefined;
  /** So that methods declared idempotent are called as such. Default: none is. */
  readonly definitions?: readonly ServiceDefinition[] | undefined;
}

export function rpcFromChannel(channel: Channel, options: RpcAdapterOptions = {}): TsProtoRpc {
  const methods = new Map<string, CallMethod>();
  for (const service of options.definitions ?? []) {
    for (const method of Object.values(service.methods)) {
      const path = methodPath(service, method);
      methods.set(path, bytesMethod(path, method.options.idempotencyLevel));
    }
  }
  return {
    async request(service, name, data, abortSignal) {
      const path = `${service}/${name}`;
      const method = methods.get(path) ?? bytesMethod(path, undefined);
      const callOptions = mergeCallOptions(options.callOptions, { signal: abortSignal });
      return (await callUnary(channel, method, data, callOptions)) as Uint8Array;
    },
    clientStreamingRequest: (service, name) => Promise.reject(notYet(`/${service}/${name}`)),
    serverStreamingRequest: (service, name) => failingIterable(notYet(`/${service}/${name}`)),
    bidirectionalStreamingRequest: (service, name) => failingIterable(notYet(`/${service}/${name}`)),
  };
}
