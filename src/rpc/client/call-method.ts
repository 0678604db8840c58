/**
 * A method as a client calls it: its names, whether it may run twice, and its two codecs as plain functions. Made once
 * per client and method, so that a call looks nothing up.
 */
import { type MethodDescriptor } from 'nice-grpc-common';
import {
  encodeMessage,
  type IdempotencyLevel,
  type MethodDefinition,
  methodPath,
  type ServiceDefinition,
} from '../service-definition.js';

export interface CallMethod {
  /** As the wire has it, `image.v1.ImageService/GetChunk`; `descriptor.path` has the slash before it. */
  readonly path: string;
  readonly descriptor: MethodDescriptor;
  /** Running it twice does no harm, says the `.proto`. */
  readonly isIdempotent: boolean;
  /** Throws what the codec throws. */
  encode(request: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

export function callMethodOf(service: ServiceDefinition, method: MethodDefinition): CallMethod {
  const { requestType, responseType } = method;
  const path = methodPath(service, method);
  const idempotencyLevel = method.options.idempotencyLevel;
  return {
    path,
    descriptor: {
      path: `/${path}`,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      options: idempotencyLevel === undefined ? {} : { idempotencyLevel },
    },
    isIdempotent: mayRunTwice(idempotencyLevel),
    encode: (request) => encodeMessage(requestType, request),
    decode: (bytes) => responseType.decode(bytes),
  };
}

/** For callers that have their messages as bytes already. */
export function bytesMethod(path: string, idempotencyLevel: IdempotencyLevel | undefined): CallMethod {
  return {
    path,
    descriptor: {
      path: `/${path}`,
      requestStream: false,
      responseStream: false,
      options: idempotencyLevel === undefined ? {} : { idempotencyLevel },
    },
    isIdempotent: mayRunTwice(idempotencyLevel),
    encode: (request) => request as Uint8Array,
    decode: (bytes) => bytes,
  };
}

function mayRunTwice(level: IdempotencyLevel | undefined): boolean {
  return level === 'NO_SIDE_EFFECTS' || level === 'IDEMPOTENT';
}
