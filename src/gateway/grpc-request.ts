/**
 * What a client says before its first message, read from the header fields of its HTTP/2 stream and checked before anything is
 * done for it: a request that is none of gRPC gets an answer of HTTP, one of gRPC that cannot be passed on gets a status.
 */
import { constants } from 'node:http2';
import { type Metadata, Status } from 'nice-grpc-common';
import { fieldOf, metadataOfFields } from './grpc-metadata.js';
import { GatewayError } from './grpc-status.js';
import { parseGrpcTimeout } from './grpc-timeout.js';

export interface GrpcRequest {
  /** Without a leading slash, as the UDP side has it. */
  readonly path: string;
  /** Undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly encoding: string | undefined;
  readonly metadata: Metadata;
}

/** It is no call of gRPC: an HTTP status is all that its sender may understand. */
export interface HttpRefusal {
  readonly httpStatus: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** `application/grpc`, with whatever is behind it; the answer has the same. Or why HTTP itself refuses the request. */
export function contentTypeOf(fields: readonly string[]): string | HttpRefusal {
  const method = fieldOf(fields, constants.HTTP2_HEADER_METHOD);
  if (method !== 'POST') return { httpStatus: 405, fields: { allow: 'POST' } };
  const contentType = fieldOf(fields, 'content-type');
  if (contentType === undefined || !CONTENT_TYPE.test(contentType)) {
    return { httpStatus: 415, fields: { accept: 'application/grpc' } };
  }
  return contentType;
}

/** Throws GatewayError. */
export function readGrpcRequest(fields: readonly string[]): GrpcRequest {
  if (fieldOf(fields, 'te') !== 'trailers') {
    const details =
      'the request has no te: trailers: whoever sent it, or a proxy on its way, takes no trailers';
    throw new GatewayError(Status.INTERNAL, details);
  }
  return {
    path: readPath(fieldOf(fields, constants.HTTP2_HEADER_PATH) ?? ''),
    timeoutMs: readTimeout(fieldOf(fields, 'grpc-timeout')),
    encoding: fieldOf(fields, 'grpc-encoding'),
    metadata: metadataOfFields(fields, Status.INVALID_ARGUMENT),
  };
}

/** Whether HTTP/2 and UDP can both name a method like this; it has no leading slash. */
export function isMethodPath(path: string): boolean {
  return METHOD_PATH.test(path);
}

function readPath(path: string): string {
  const inner = path.slice(1);
  if (path.startsWith('/') && isMethodPath(inner)) return inner;
  throw new GatewayError(
    Status.UNIMPLEMENTED,
    `${path.slice(0, 100)} is no path of a method: /package.Service/Method`,
  );
}

function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeoutMs = parseGrpcTimeout(text);
  if (timeoutMs !== undefined) return timeoutMs;
  const what = `grpc-timeout ${JSON.stringify(text.slice(0, 100))}`;
  throw new GatewayError(Status.INTERNAL, `${what} is none: it takes up to 8 digits and H, M, S, m, u or n`);
}

/** gRPC-Web has other trailers. */
const CONTENT_TYPE = /^application\/grpc(?:[+;].*)?$/;
/** Service and method, of at most 1,024 characters: a header of the UDP side has room for it beside all metadata. */
const METHOD_PATH = /^(?=.{3,1024}$)[!-"$->@-~]+\/[!-"$->@-~]+$/;
