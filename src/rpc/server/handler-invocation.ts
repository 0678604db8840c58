/**
 * What surrounds a handler: nice-grpc's server middleware, an async generator around an async generator, and the
 * meaning of what a handler throws. Both do as nice-grpc does, so that its middleware and handlers run unchanged.
 */
import {
  type CallContext,
  type MethodDescriptor,
  ServerError,
  type ServerMiddleware,
  Status,
} from 'nice-grpc-common';
import { FramingError } from '../framing/framing-error.js';
import { type UnaryHandler } from './service-registry.js';

/** A handler that runs `handler` inside of the middleware. */
export function throughMiddleware(
  middleware: ServerMiddleware,
  method: MethodDescriptor,
  handler: UnaryHandler,
): UnaryHandler {
  async function* next(request: unknown, context: CallContext): AsyncGenerator<never, unknown, undefined> {
    if (isAsyncIterable(request)) {
      throw new Error(
        'A middleware passed invalid request to next(): expected a single message for unary method',
      );
    }
    return await handler(request, context);
  }

  return async (request, context) => {
    const generator = middleware(
      { method, requestStream: false, request, responseStream: false, next },
      context,
    );
    let result = await generator.next();
    for (;;) {
      if (result.done !== true) {
        result = await generator.throw(
          new Error('A middleware yielded a message, but expected to only return a message for unary method'),
        );
      } else if (result.value === undefined || result.value === null) {
        result = await generator.throw(
          new Error('A middleware returned void, but expected to return a message for unary method'),
        );
      } else {
        return result.value;
      }
    }
  };
}

export interface HandlerFailure {
  readonly code: Status;
  readonly details: string;
  /** Not a way of answering but a mistake: whoever runs the server should hear of it. */
  readonly isUnexpected: boolean;
}

export function failureOf(error: unknown): HandlerFailure {
  if (error instanceof ServerError) {
    // OK is no error: a client would wait for a message that does not come.
    const isStatus = error.code in Status && error.code !== Status.OK;
    return { code: isStatus ? error.code : Status.UNKNOWN, details: error.details, isUnexpected: !isStatus };
  }
  if (isAbortError(error)) {
    return { code: Status.CANCELLED, details: 'The operation was cancelled', isUnexpected: false };
  }
  if (error instanceof FramingError) {
    const details = `the server's response metadata cannot be sent: ${error.message}`;
    return { code: error.status, details, isUnexpected: true };
  }
  // What it says may be none of the client's business.
  return { code: Status.UNKNOWN, details: 'Unknown server error occurred', isUnexpected: true };
}

function isAsyncIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function isAbortError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
