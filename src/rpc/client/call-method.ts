/**
 * A method as a client calls it: its names, whether it may run twice, and its two codecs as plain functions. Made once
 * per client and method, so that a call looks nothing up.
 */
import { type MethodDescriptor } from 'nice-grpc-common';
import { MessageEncoder } from '../message-encoder.js';
import {
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
  /** Its request or its response is a stream. */
  readonly isStreaming: boolean;
  /** These throw what the codec throws. */
  encode(request: unknown): Uint8Array;
  /** Pieces may be the caller's own arrays: to be written, or copied, before the caller goes on. */
  encodePieces(request: unknown): readonly Uint8Array[];
  decode(bytes: Uint8Array): unknown;
}

export function callMethodOf(service: ServiceDefinition, method: MethodDefinition): CallMethod {
  const { requestType, responseType } = method;
  const path = methodPath(service, method);
  const encoder = new MessageEncoder(requestType);
  return {
    ...kindOf(path, method, method.options.idempotencyLevel),
    encode: (request) => encoder.encodeWhole(request),
    encodePieces: (request) => encoder.encode(request),
    decode: (bytes) => responseType.decode(bytes),
  };
}

/** For callers that have their messages as bytes already. */
export function bytesMethod(
  path: string,
  kind: Pick<MethodDefinition, 'requestStream' | 'responseStream'>,
  idempotencyLevel: IdempotencyLevel | undefined,
): CallMethod {
  return {
    ...kindOf(path, kind, idempotencyLevel),
    encode: (request) => request as Uint8Array,
    encodePieces: (request) => [request as Uint8Array],
    decode: (bytes) => bytes,
  };
}

function kindOf(
  path: string,
  { requestStream, responseStream }: Pick<MethodDefinition, 'requestStream' | 'responseStream'>,
  idempotencyLevel: IdempotencyLevel | undefined,
): Pick<CallMethod, 'path' | 'descriptor' | 'isIdempotent' | 'isStreaming'> {
  return {
    path,
    descriptor: {
      path: `/${path}`,
      requestStream,
      responseStream,
      options: idempotencyLevel === undefined ? {} : { idempotencyLevel },
    },
    isIdempotent: idempotencyLevel === 'NO_SIDE_EFFECTS' || idempotencyLevel === 'IDEMPOTENT',
    isStreaming: requestStream || responseStream,
  };
}
