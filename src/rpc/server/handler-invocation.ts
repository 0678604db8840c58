/**
 * What surrounds a handler: nice-grpc's server middleware, and the meaning of what a handler throws. Both do as
 * nice-grpc does, so that its middleware and handlers run unchanged.
 */
import {
  type CallContext,
  type MethodDescriptor,
  ServerError,
  type ServerMiddleware,
  Status,
} from 'nice-grpc-common';
import { FramingError } from '../framing/framing-error.js';
import { type Chain, checkPassedRequest, messageOf, messagesOf } from '../middleware-chain.js';
import { type Handler } from './service-registry.js';

/** A handler that runs `handler` inside of the middleware. */
export function throughMiddleware(
  middleware: ServerMiddleware,
  method: MethodDescriptor,
  handler: Handler,
): Handler {
  const { requestStream, responseStream } = method;
  const next = responseStream ? streamInChain(method, handler) : oneInChain(method, handler);
  const answerOf = responseStream ? messagesOf : messageOf;
  return (request, context) => {
    // The kinds are a union to nice-grpc's types, and one thing to whoever passes them on.
    const call = { method, requestStream, request, responseStream, next } as unknown;
    return answerOf(middleware(call as Parameters<ServerMiddleware>[0], context), method);
  };
}

type Next = (request: unknown, context: CallContext) => Chain;

function oneInChain(method: MethodDescriptor, handler: Handler): Next {
  return async function* next(request, context) {
    checkPassedRequest(method, request);
    return await handler(request, context);
  };
}

function streamInChain(method: MethodDescriptor, handler: Handler): Next {
  return async function* next(request, context) {
    checkPassedRequest(method, request);
    // As nice-grpc: what a handler returns besides is nobody's message.
    yield* handler(request, context) as AsyncIterable<unknown>;
  };
}

export interface HandlerFailure {
  readonly code: Status;
  readonly details: string;
  /** Not a way of answering but a mistake: whoever runs the server should hear of it. */
  readonly isUnexpected: boolean;
  /** An encoded `google.rpc.Status` for the trailer [RPC-14]; of errors like `udprpc/details`' RichServerError. */
  readonly statusDetails?: Uint8Array | undefined;
  /** The handler has only tried to pass the call on, and certainly nothing has run: as if it had not started [AMO-3]. */
  readonly notStarted?: boolean;
}

export function failureOf(error: unknown): HandlerFailure {
  if (error instanceof ServerError) {
    // OK is no error: a client would wait for a message that does not come.
    const isStatus = error.code in Status && error.code !== Status.OK;
    const { statusDetails, notStarted } = error as { statusDetails?: unknown; notStarted?: unknown };
    return {
      code: isStatus ? error.code : Status.UNKNOWN,
      details: error.details,
      isUnexpected: !isStatus,
      statusDetails: statusDetails instanceof Uint8Array ? statusDetails : undefined,
      ...(isStatus && notStarted === true && { notStarted }),
    };
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

function isAbortError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
