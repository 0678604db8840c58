/**
 * One call from gRPC to UDP: the messages of an HTTP/2 stream become the request of a call of the channel, whose answer is
 * written back as it comes. Both sides stream, as nobody here knows the kind of the method; each is read as fast as the other
 * takes it. Whichever side ends the call, the other is told.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { type Metadata, ServerError, Status } from 'nice-grpc-common';
import { type Channel } from '../index.js';
import { bytesMethod } from '../rpc/client/call-method.js';
import { ResponseMessages } from '../rpc/client/response-messages.js';
import { isRpcError } from '../rpc/rpc-error.js';
import { GrpcAnswer, leaveRequest } from './grpc-answer.js';
import { contentTypeOf, type GrpcRequest, readGrpcRequest } from './grpc-request.js';
import { IncomingMessages } from './incoming-messages.js';
import { MessageReader } from './message-reader.js';

export class GrpcToUdpCall {
  readonly #stream: ServerHttp2Stream;
  readonly #channel: Channel;
  #answer: GrpcAnswer | undefined;
  #request: IncomingMessages | undefined;
  #response: ResponseMessages | undefined;

  constructor(stream: ServerHttp2Stream, channel: Channel) {
    this.#stream = stream;
    this.#channel = channel;
    // Of the client's doing, and followed by `close`.
    stream.on('error', () => undefined);
    stream.on('close', () => {
      void this.#response?.return();
    });
  }

  /** `fields`: names and values of the request's header in turn. Never rejects. */
  async run(fields: readonly string[]): Promise<void> {
    const contentType = contentTypeOf(fields);
    if (typeof contentType !== 'string') {
      const { httpStatus, fields: more } = contentType;
      this.#stream.respond({ [constants.HTTP2_HEADER_STATUS]: httpStatus, ...more }, { endStream: true });
      this.#stream.resume();
      leaveRequest(this.#stream);
      return;
    }
    const answer = (this.#answer = new GrpcAnswer(this.#stream, contentType));
    try {
      await this.#carry(readGrpcRequest(fields), answer);
    } catch (error) {
      this.#fail(error);
    } finally {
      // A stream is there until all that came was taken, whoever wants it.
      void this.#request?.return();
      this.#stream.resume();
    }
  }

  /** The gateway ends it. */
  abort(code: Status, details: string): void {
    void this.#response?.return();
    this.#answer?.end(code, details, undefined);
  }

  async #carry({ path, timeoutMs, encoding, metadata }: GrpcRequest, answer: GrpcAnswer): Promise<void> {
    let trailer: Metadata | undefined;
    const method = bytesMethod(path, { requestStream: true, responseStream: true }, undefined);
    this.#request = this.#requestMessages(encoding);
    const response = new ResponseMessages(this.#channel, method, this.#request, {
      metadata,
      timeoutMs,
      inherit: false,
      onHeader: (header) => {
        answer.writeHeader(header);
      },
      onTrailer: (received) => (trailer = received),
    });
    this.#response = response;
    for (;;) {
      const { done, value } = await response.next();
      if (done === true) break;
      const full = answer.write(value as Uint8Array);
      if (full !== undefined) await full;
    }
    answer.end(Status.OK, '', trailer);
  }

  #requestMessages(encoding: string | undefined): IncomingMessages {
    const reader = new MessageReader({
      what: 'the request',
      maxBytes: this.#channel.limits.maxSendMessageBytes,
      limitName: "the gateway's channel.maxSendMessageBytes",
      encoding,
      compressedStatus: Status.UNIMPLEMENTED,
    });
    return new IncomingMessages(this.#stream, reader);
  }

  #fail(error: unknown): void {
    const answer = this.#answer;
    if (isRpcError(error)) answer?.end(error.code, error.details, error.metadata);
    else if (error instanceof ServerError) answer?.end(error.code, error.details, undefined);
    else answer?.end(Status.INTERNAL, `the gateway failed: ${String(error)}`, undefined);
  }
}
