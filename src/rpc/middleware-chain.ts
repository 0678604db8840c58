/**
 * Middleware as nice-grpc has it, on both sides: an async generator around an async generator. One that is to give one
 * message returns it and yields nothing, one that is to give a stream yields and returns nothing; what does otherwise
 * is told so where it stands, in nice-grpc's own words. Nothing runs before the first `next`.
 */
import { type MethodDescriptor } from 'nice-grpc-common';

export type Chain = AsyncGenerator<unknown, unknown, undefined>;

/** Runs a chain to the one message that it returns. */
export async function messageOf(chain: Chain, method: MethodDescriptor): Promise<unknown> {
  let result = await chain.next();
  for (;;) {
    if (result.done !== true) {
      const wrong = `yielded a message, but expected to only return a message for ${kindOf(method)} method`;
      result = await chain.throw(new Error(`A middleware ${wrong}`));
    } else if (result.value === undefined || result.value === null) {
      const wrong = `returned void, but expected to return a message for ${kindOf(method)} method`;
      result = await chain.throw(new Error(`A middleware ${wrong}`));
    } else {
      return result.value;
    }
  }
}

/** The messages that a chain yields. */
export function messagesOf(
  chain: Chain,
  method: MethodDescriptor,
): AsyncIterableIterator<unknown, unknown, undefined> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const result = await chain.next();
      if (result.done !== true || result.value === undefined || result.value === null) return result;
      const wrong = `returned a message, but expected to return void for ${kindOf(method)} method`;
      return chain.throw(new Error(`A middleware ${wrong}`));
    },
    return: (value?: unknown) => chain.return(value),
    throw: (error: unknown) => chain.throw(error),
  };
}

/** What a middleware hands on as the request is of the method's kind. Throws Error. */
export function checkPassedRequest(method: MethodDescriptor, request: unknown): void {
  if (isAsyncIterable(request) === method.requestStream) return;
  const takes = method.requestStream ? 'an AsyncIterable' : 'a single message';
  const wrong = `passed invalid request to next(): expected ${takes} for ${kindOf(method)} method`;
  throw new Error(`A middleware ${wrong}`);
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function kindOf({ requestStream, responseStream }: MethodDescriptor): string {
  if (requestStream) return responseStream ? 'bidirectional streaming' : 'client streaming';
  return responseStream ? 'server streaming' : 'unary';
}
