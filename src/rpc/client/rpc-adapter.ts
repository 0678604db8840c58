/**
 * A channel as the `Rpc` that ts-proto's generated `…ClientImpl` classes take. They hand over bytes and names only, so
 * what the `.proto` says of idempotency is unknown here, and their calls count as undeclared, unless the definitions are
 * given too.
 */
import { type IdempotencyLevel, methodPath, type ServiceDefinition } from '../service-definition.js';
import { bytesMethod, type CallMethod } from './call-method.js';
import { mergeCallOptions, type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { ResponseMessages } from './response-messages.js';
import { callForOne } from './single-response.js';

/** One shape for every service: the generated interface of each has those of these methods that it needs. */
export interface TsProtoRpc {
  /** Unary. */
  request(service: string, method: string, data: Uint8Array, abortSignal?: AbortSignal): Promise<Uint8Array>;
  /** The request is a stream. */
  clientStreamingRequest(
    service: string,
    method: string,
    data: AsyncIterable<Uint8Array>,
    abortSignal?: AbortSignal,
  ): Promise<Uint8Array>;
  /** The response is a stream. */
  serverStreamingRequest(
    service: string,
    method: string,
    data: Uint8Array,
    abortSignal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** Both are. */
  bidirectionalStreamingRequest(
    service: string,
    method: string,
    data: AsyncIterable<Uint8Array>,
    abortSignal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}

/** What the calls of a ts-proto client take. */
export interface RpcAdapterOptions {
  /** For every call. Default: those of the channel. */
  readonly callOptions?: RpcCallOptions | undefined;
  /** So that methods declared idempotent are called as such. Default: none is. */
  readonly definitions?: readonly ServiceDefinition[] | undefined;
}

/** For the `…ClientImpl` classes that ts-proto generates: `new GreeterServiceClientImpl(rpcFromChannel(channel))`. */
export function rpcFromChannel(channel: Channel, options: RpcAdapterOptions = {}): TsProtoRpc {
  const levels = new Map<string, IdempotencyLevel | undefined>();
  for (const service of options.definitions ?? []) {
    for (const method of Object.values(service.methods)) {
      levels.set(methodPath(service, method), method.options.idempotencyLevel);
    }
  }
  const methods = new Map<string, CallMethod>();
  const methodOf = (path: string, requestStream: boolean, responseStream: boolean): CallMethod => {
    let method = methods.get(path);
    if (method === undefined) {
      method = bytesMethod(path, { requestStream, responseStream }, levels.get(path));
      methods.set(path, method);
    }
    return method;
  };
  const callOptions = (signal: AbortSignal | undefined): RpcCallOptions =>
    mergeCallOptions(options.callOptions, { signal });

  const one =
    (requestStream: boolean) =>
    async (service: string, name: string, data: unknown, signal?: AbortSignal): Promise<Uint8Array> => {
      const method = methodOf(`${service}/${name}`, requestStream, false);
      return (await callForOne(channel, method, data, callOptions(signal))) as Uint8Array;
    };
  const stream =
    (requestStream: boolean) =>
    (service: string, name: string, data: unknown, signal?: AbortSignal): AsyncIterable<Uint8Array> => {
      const method = methodOf(`${service}/${name}`, requestStream, true);
      const messages = new ResponseMessages(channel, method, data, callOptions(signal));
      return messages as AsyncIterable<Uint8Array>;
    };
  return {
    request: one(false),
    clientStreamingRequest: one(true),
    serverStreamingRequest: stream(false),
    bidirectionalStreamingRequest: stream(true),
  };
}
