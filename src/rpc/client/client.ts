/**
 * Builds the methods of a client. Without middleware a method is one function over the call; with middleware it runs
 * nice-grpc's chain of async generators around that. Retries and deadlines are ours unless a middleware takes the option
 * for itself, which shows by the option's key: it is always there at the top, and missing below who consumed it.
 */
import { type CallOptions, type ClientMiddleware } from 'nice-grpc-common';
import { type Chain, checkPassedRequest, messageOf, messagesOf } from '../middleware-chain.js';
import { type CallDefaults } from './call.js';
import { type CallMethod } from './call-method.js';
import { mergeCallOptions, type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { FALLBACK_TIMEOUT_MS } from './deadline.js';
import { ResponseMessages } from './response-messages.js';
import { callForOne } from './single-response.js';

/** As the mapped type of the client has it for the caller: a promise, or an iterable for streamed responses. */
export type AnyClientMethod = (request: unknown, options?: RpcCallOptions) => unknown;

export type AnyMiddleware = ClientMiddleware<Record<string, unknown>>;

export function createMethod(
  channel: Channel,
  method: CallMethod,
  middleware: AnyMiddleware | undefined,
  defaults: RpcCallOptions | undefined,
): AnyClientMethod {
  const { responseStream } = method.descriptor;
  if (middleware === undefined) {
    return responseStream
      ? (request, options) =>
          new ResponseMessages(channel, method, request, mergeCallOptions(defaults, options))
      : (request, options) => callForOne(channel, method, request, mergeCallOptions(defaults, options));
  }
  const answerOf = responseStream ? messagesOf : messageOf;
  return (request, options) => {
    const chain = chainOf(channel, method, middleware, request, mergeCallOptions(defaults, options));
    return answerOf(chain, method.descriptor);
  };
}

function chainOf(
  channel: Channel,
  method: CallMethod,
  middleware: AnyMiddleware,
  request: unknown,
  options: RpcCallOptions,
): Chain {
  const { descriptor } = method;
  const { requestStream, responseStream } = descriptor;
  const next = (nextRequest: unknown, nextOptions: RpcCallOptions): Chain =>
    responseStream
      ? streamInChain(channel, method, nextRequest, nextOptions)
      : oneInChain(channel, method, nextRequest, nextOptions);
  // The kinds are a union to nice-grpc's types, and one thing to whoever passes them on.
  const call = { method: descriptor, requestStream, request, responseStream, next } as unknown;
  return middleware(
    call as Parameters<AnyMiddleware>[0],
    // nice-grpc's types leave no room for an explicit undefined, its middleware does.
    { retry: undefined, deadline: undefined, ...options } as CallOptions,
  );
}

async function* oneInChain(
  channel: Channel,
  method: CallMethod,
  request: unknown,
  options: RpcCallOptions,
): AsyncGenerator<never, unknown, undefined> {
  checkPassedRequest(method.descriptor, request);
  return await callForOne(
    channel,
    method,
    request,
    ownOptions(options),
    ownDefaults(channel, method, options),
  );
}

async function* streamInChain(
  channel: Channel,
  method: CallMethod,
  request: unknown,
  options: RpcCallOptions,
): AsyncGenerator<unknown, void, undefined> {
  checkPassedRequest(method.descriptor, request);
  yield* new ResponseMessages(
    channel,
    method,
    request,
    ownOptions(options),
    ownDefaults(channel, method, options),
  );
}

/** Whoever took `retry` for himself makes the attempts. */
function ownOptions(options: RpcCallOptions): RpcCallOptions {
  return 'retry' in options ? options : { ...options, retry: false };
}

/** Whoever took `deadline` for himself ends the call; ours is only in case that he forgets. */
function ownDefaults(channel: Channel, method: CallMethod, options: RpcCallOptions): CallDefaults {
  const defaults = method.isStreaming ? channel.streamDefaults : channel.unaryDefaults;
  if ('deadline' in options || method.isStreaming) return defaults;
  return { ...defaults, timeoutMs: FALLBACK_TIMEOUT_MS };
}
