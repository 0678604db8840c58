/**
 * Builds the methods of a client. A unary method without middleware is one function over `callUnary`; with middleware it
 * runs nice-grpc's chain of async generators around that. Retries and deadlines are ours unless a middleware takes the
 * option for itself, which shows by the option's key: it is always there at the top, and missing below who consumed it.
 */
import { type CallOptions, type ClientMiddleware, Status } from 'nice-grpc-common';
import { RpcError } from '../rpc-error.js';
import { callUnary } from './call.js';
import { type CallMethod } from './call-method.js';
import { mergeCallOptions, type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { FALLBACK_TIMEOUT_MS } from './deadline.js';

/** As the mapped type of the client has it for the caller: a promise, or an iterable for streamed responses. */
export type AnyClientMethod = (request: unknown, options?: RpcCallOptions) => unknown;

export type AnyMiddleware = ClientMiddleware<Record<string, unknown>>;

export function createMethod(
  channel: Channel,
  method: CallMethod,
  middleware: AnyMiddleware | undefined,
  defaults: RpcCallOptions | undefined,
): AnyClientMethod {
  const { descriptor } = method;
  if (descriptor.responseStream) return () => failingIterable(notYet(descriptor.path));
  if (descriptor.requestStream) return () => Promise.reject(notYet(descriptor.path));
  if (middleware === undefined) {
    return (request, options) => callUnary(channel, method, request, mergeCallOptions(defaults, options));
  }
  return (request, options) =>
    callThroughMiddleware(channel, method, middleware, request, mergeCallOptions(defaults, options));
}

async function callThroughMiddleware(
  channel: Channel,
  method: CallMethod,
  middleware: AnyMiddleware,
  request: unknown,
  options: RpcCallOptions,
): Promise<unknown> {
  const chain = middleware(
    {
      method: method.descriptor,
      requestStream: false,
      request,
      responseStream: false,
      next: (nextRequest, nextOptions) => lastInChain(channel, method, nextRequest, nextOptions),
    },
    // nice-grpc's types leave no room for an explicit undefined, its middleware does.
    { retry: undefined, deadline: undefined, ...options } as CallOptions,
  );
  let result = await chain.next();
  for (;;) {
    if (result.done !== true) {
      result = await chain.throw(new Error(`a middleware yielded a message: ${UNARY_RULE}`));
    } else if (result.value === undefined || result.value === null) {
      result = await chain.throw(new Error(`a middleware returned nothing: ${UNARY_RULE}`));
    } else {
      return result.value;
    }
  }
}

async function* lastInChain(
  channel: Channel,
  method: CallMethod,
  request: unknown,
  options: RpcCallOptions,
): AsyncGenerator<never, unknown, undefined> {
  if (typeof request === 'object' && request !== null && Symbol.asyncIterator in request) {
    throw new Error('a middleware passed a stream to next(): a unary method takes a single message');
  }
  const retryTaken = !('retry' in options);
  const deadlineTaken = !('deadline' in options);
  return await callUnary(
    channel,
    method,
    request,
    retryTaken ? { ...options, retry: false } : options,
    deadlineTaken ? FALLBACK_TIMEOUT_MS : channel.limits.defaultTimeoutMs,
  );
}

/** The error of the kinds of methods that this version cannot call. */
export function notYet(path: string): RpcError {
  return new RpcError({
    path,
    code: Status.UNIMPLEMENTED,
    details: 'streaming methods come with a later version of udprpc: this one calls unary methods',
    maybeExecuted: false,
    attempts: 0,
  });
}

export function failingIterable(error: RpcError): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}

const UNARY_RULE = 'for a unary method it must return one message';
