/**
 * The answer of one gRPC call that the gateway serves: a header when there is something to say, messages, and a status in
 * trailers; a call that fails before it has said anything is answered by trailers only. Whatever comes after the end, or after
 * the client has left, is nothing.
 */
import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2';
import { type Metadata, Status } from 'nice-grpc-common';
import { fieldsOfMetadata } from './grpc-metadata.js';
import { encodeGrpcMessage } from './grpc-status.js';
import { writeMessage } from './write-message.js';

export class GrpcAnswer {
  readonly #stream: ServerHttp2Stream;
  readonly #contentType: string;
  #isEnded = false;

  constructor(stream: ServerHttp2Stream, contentType: string) {
    this.#stream = stream;
    this.#contentType = contentType;
  }

  /** It has its status, or nobody is there any more to be told. */
  get isEnded(): boolean {
    return this.#isEnded || this.#stream.destroyed || this.#stream.closed;
  }

  /** The first one counts. */
  writeHeader(metadata: Metadata | undefined): void {
    if (this.isEnded || this.#stream.headersSent) return;
    this.#stream.respond(this.#header(metadata), WITH_TRAILERS);
  }

  /** As `writeMessage`. */
  write(message: Uint8Array): Promise<void> | undefined {
    if (this.isEnded) return undefined;
    this.writeHeader(undefined);
    return writeMessage(this.#stream, message);
  }

  end(code: Status, details: string, metadata: Metadata | undefined): void {
    if (this.isEnded) return;
    // OK takes its trailers behind a header, says gRPC, even with no message between them.
    if (code === Status.OK) this.writeHeader(undefined);
    this.#isEnded = true;
    const stream = this.#stream;
    const trailers = {
      ...fieldsOfMetadata(metadata),
      'grpc-status': String(code),
      ...(details !== '' && { 'grpc-message': encodeGrpcMessage(details) }),
    };
    if (!stream.headersSent) {
      stream.respond({ ...this.#header(undefined), ...trailers }, TRAILERS_ONLY);
      leaveRequest(stream);
      return;
    }
    stream.once('wantTrailers', () => {
      stream.sendTrailers(trailers);
      leaveRequest(stream);
    });
    stream.end();
  }

  #header(metadata: Metadata | undefined): OutgoingHttpHeaders {
    return {
      ...fieldsOfMetadata(metadata),
      [constants.HTTP2_HEADER_STATUS]: 200,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: this.#contentType,
      'grpc-accept-encoding': 'identity',
    };
  }
}

/** The client need not send the rest: told so once the answer is on its way. */
export function leaveRequest(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  setImmediate(() => {
    if (!stream.destroyed && !stream.closed && !stream.readableEnded)
      stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

type ResponseOptions = ServerStreamResponseOptions & { readonly sendDate: boolean };

/** Node's answers say the time, which is nothing that the UDP side has said. */
const WITH_TRAILERS: ResponseOptions = { waitForTrailers: true, sendDate: false };
const TRAILERS_ONLY: ResponseOptions = { endStream: true, sendDate: false };
