/**
 * The answer of a gRPC server to one call, off its HTTP/2 stream: header, messages, and a status, which is made up by the rules
 * of gRPC where none came: of an HTTP status, of the code that the stream was reset with, of the connection that was lost.
 */
import { type ClientHttp2Stream, constants } from 'node:http2';
import { type Metadata, Status } from 'nice-grpc-common';
import { fieldOf, metadataOfFields } from './grpc-metadata.js';
import {
  decodeGrpcMessage,
  GatewayError,
  parseGrpcStatus,
  resetName,
  statusOfHttp,
  statusOfReset,
} from './grpc-status.js';
import { type GrpcConnection, type GrpcStream } from './grpc-server-link.js';
import { IncomingMessages } from './incoming-messages.js';
import { MessageReader } from './message-reader.js';

export interface GrpcStatus {
  readonly code: Status;
  readonly details: string;
  readonly metadata: Metadata | undefined;
}

export class GrpcResponse {
  /** Undefined: the answer is trailers only. Rejects with a GatewayError when none comes. */
  readonly header: Promise<Metadata | undefined>;
  /** After `header`. */
  messages: IncomingMessages | undefined;
  readonly #stream: ClientHttp2Stream;
  readonly #maxBytes: number;
  readonly #connection: GrpcConnection;
  #trailers: readonly string[] | undefined;

  constructor({ stream, connection }: GrpcStream, maxBytes: number) {
    this.#stream = stream;
    this.#connection = connection;
    this.#maxBytes = maxBytes;
    // Of the server's doing, and followed by `close`.
    stream.on('error', () => undefined);
    stream.on('trailers', (_trailers, _flags, fields?: readonly string[]) => {
      this.#trailers = fields;
    });
    this.header = new Promise((resolve, reject) => {
      stream.once('response', (_header, flags, fields?: readonly string[]) => {
        try {
          resolve(this.#onHeader(fields ?? [], (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      stream.once('close', () => {
        const failure = this.#failure();
        this.messages?.fail(failure);
        reject(failure);
      });
    });
    this.header.catch(() => undefined);
  }

  /** Behind the last message. Throws GatewayError. */
  status(): GrpcStatus {
    const fields = this.#trailers;
    // Node ends what can be read of a stream that was reset or whose connection was lost as if its peer had.
    if (fields === undefined && this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw this.#failure();
    const code = fields === undefined ? undefined : fieldOf(fields, 'grpc-status');
    if (fields === undefined || code === undefined) {
      throw new GatewayError(Status.UNKNOWN, 'the gRPC server ended its answer without a grpc-status');
    }
    return {
      code: parseGrpcStatus(code),
      details: decodeGrpcMessage(fieldOf(fields, 'grpc-message') ?? ''),
      metadata: readMetadata(fields, true),
    };
  }

  #onHeader(fields: readonly string[], isLast: boolean): Metadata | undefined {
    const httpStatus = Number(fieldOf(fields, constants.HTTP2_HEADER_STATUS));
    const contentType = fieldOf(fields, 'content-type') ?? '';
    const isGrpc = contentType.startsWith('application/grpc');
    if (isLast && fieldOf(fields, 'grpc-status') !== undefined) {
      this.#trailers = fields;
      return undefined;
    }
    if (httpStatus !== 200 || !isGrpc) {
      const what = `the gRPC server answered with HTTP status ${httpStatus}, ${contentType || 'no content-type'}`;
      throw new GatewayError(statusOfHttp(httpStatus), what);
    }
    this.messages = this.#messages(fieldOf(fields, 'grpc-encoding'));
    return readMetadata(fields, false);
  }

  #messages(encoding: string | undefined): IncomingMessages {
    const reader = new MessageReader({
      what: 'the answer of the gRPC server',
      maxBytes: this.#maxBytes,
      limitName: "the gateway's server.maxSendMessageBytes",
      encoding,
      compressedStatus: Status.INTERNAL,
    });
    return new IncomingMessages(this.#stream, reader);
  }

  /** Of a stream that has closed without a status. */
  #failure(): GatewayError {
    const { rstCode, id } = this.#stream;
    const { session, lastStreamId } = this.#connection;
    // Whoever has answered has started it, whatever it says afterwards.
    const hasAnswered = this.messages !== undefined;
    if (!hasAnswered && id !== undefined && id > lastStreamId) {
      const left = 'the gRPC server has left before it took the call';
      return new GatewayError(Status.UNAVAILABLE, left, true);
    }
    if (session.destroyed && LOST_CODES.has(rstCode)) {
      const lost = 'the connection to the gRPC server was lost before it had answered: the call may have run';
      return new GatewayError(Status.UNAVAILABLE, lost);
    }
    const notStarted = !hasAnswered && rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const details = `the gRPC server ended the call's stream with ${resetName(rstCode)}`;
    return new GatewayError(statusOfReset(rstCode), details, notStarted);
  }
}

function readMetadata(fields: readonly string[], hasStatusDetails: boolean): Metadata {
  const metadata = metadataOfFields(fields, Status.INTERNAL, hasStatusDetails);
  // HTTP servers add it by themselves.
  metadata.delete('date');
  return metadata;
}

/** What Node says of the streams of a connection that has gone. */
const LOST_CODES: ReadonlySet<number> = new Set([
  constants.NGHTTP2_NO_ERROR,
  constants.NGHTTP2_CANCEL,
  constants.NGHTTP2_INTERNAL_ERROR,
]);
