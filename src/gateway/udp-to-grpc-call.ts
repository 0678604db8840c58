/**
 * One call from UDP to gRPC: a handler of methods that the server does not know, whose request becomes the messages of an HTTP/2
 * stream, and whose answer is what comes back on it. Both sides stream, each as fast as the other takes it. Whichever side ends
 * the call, the other is told.
 */
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2';
import { type CallContext, type Metadata, Status } from 'nice-grpc-common';
import { type RequestContext } from '../index.js';
import { fieldsOfMetadata } from './grpc-metadata.js';
import { isMethodPath } from './grpc-request.js';
import { GrpcResponse } from './grpc-response.js';
import { type GrpcServerLink } from './grpc-server-link.js';
import { GatewayError } from './grpc-status.js';
import { formatGrpcTimeout } from './grpc-timeout.js';
import { writeMessage } from './write-message.js';

/** `maxBytes`: of a message of the answer. Throws GatewayError. */
export async function* carryToGrpc(
  link: GrpcServerLink,
  maxBytes: number,
  path: string,
  request: AsyncIterable<Uint8Array>,
  context: CallContext & RequestContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = context;
  const opened = await link.open(headerOf(path, context));
  const response = new GrpcResponse(opened, maxBytes);
  const { stream } = opened;
  const messages = request[Symbol.asyncIterator]();
  const cancel = (): void => {
    stream.close(constants.NGHTTP2_CANCEL);
  };
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel);
  try {
    void send(messages, stream);
    const header = await response.header;
    if (header !== undefined) {
      copy(header, context.header);
      context.sendHeader();
    }
    if (response.messages !== undefined) yield* response.messages;
    const { code, details, metadata } = response.status();
    copy(metadata, context.trailer);
    if (code !== Status.OK) throw new GatewayError(code, details);
  } finally {
    signal.removeEventListener('abort', cancel);
    if (!stream.closed) cancel();
    // A stream is open, and holds up its connection's end, until all that came was taken.
    stream.resume();
    void messages.return?.();
  }
}

function headerOf(path: string, { metadata, deadline }: CallContext & RequestContext): OutgoingHttpHeaders {
  if (!isMethodPath(path)) {
    throw new GatewayError(
      Status.UNIMPLEMENTED,
      'its path is none that gRPC could have: package.Service/Method',
    );
  }
  const timeoutMs = deadline === undefined ? Infinity : deadline.getTime() - Date.now();
  if (timeoutMs <= 0)
    throw new GatewayError(Status.DEADLINE_EXCEEDED, 'the time was over before the call was passed on');
  const fields = fieldsOfMetadata(metadata);
  return {
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: `/${path}`,
    'user-agent': USER_AGENT,
    ...fields,
    te: 'trailers',
    'content-type': 'application/grpc',
    'grpc-accept-encoding': 'identity',
    ...(timeoutMs < Infinity && { 'grpc-timeout': formatGrpcTimeout(timeoutMs) }),
  };
}

/** All of the request, as far as the server takes it. Never rejects. */
async function send(messages: AsyncIterator<Uint8Array>, stream: ClientHttp2Stream): Promise<void> {
  try {
    for (;;) {
      const next = await messages.next();
      if (next.done === true) break;
      const full = writeMessage(stream, next.value);
      if (full !== undefined) await full;
      if (stream.destroyed) return;
    }
    stream.end();
  } catch {
    // The call has ended: the stream is cancelled with it.
  }
}

function copy(from: Metadata | undefined, to: Metadata): void {
  for (const [key, values] of from ?? []) {
    for (const value of values) to.append(key, value);
  }
}

const USER_AGENT = 'udprpc-gateway';
