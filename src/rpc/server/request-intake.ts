/**
 * The request of one call, from its stream to its call: header first, and what can be refused is refused then, before a
 * message is buffered; a single message next, or the stream of them as the handler asks. It decides whether a call may
 * start, never whether it does well. What is wrong with the bytes is told to the call once, as a refusal while the
 * handler has not started, as a failure after.
 */
import { Status } from 'nice-grpc-common';
import { FramingError, malformed } from '../framing/framing-error.js';
import { type RequestHeader } from '../framing/request-header.js';
import { ResetCode } from '../framing/reset-code.js';
import { END, type MessageSource } from './request-messages.js';
import { RequestStream } from './request-stream.js';
import { type ServerConnection } from './server-connection.js';
import { type ServedMethod } from './service-registry.js';

export interface IntakeOwner {
  /** It is known what is called: its time begins. */
  onHeader(header: RequestHeader, method: ServedMethod | undefined, now: number): void;
  /** The handler may start. `message`: of a single request. */
  onRequest(header: RequestHeader, method: ServedMethod, message: Uint8Array | undefined): void;
  /** The handler will not start, and the client is to be told why, and when to come again where that is known. */
  onRefused(code: Status, details: string, retryAfterMs?: number): void;
  /** The bytes are no call: there is nobody to be told in words. */
  onMalformed(details: string): void;
  /** A message of a streamed request was read. */
  onMessageRead(): void;
  /** A later part of a streamed request cannot be read; the handler runs. */
  onRequestFailed(code: Status, details: string): void;
}

export class RequestIntake implements MessageSource {
  readonly #connection: ServerConnection;
  readonly #streamId: number;
  readonly #isFirstFlight: boolean;
  readonly #owner: IntakeOwner;
  /** While something of the request may still be read. */
  #request: RequestStream | undefined;
  #header: RequestHeader | undefined;
  #method: ServedMethod | undefined;
  #message: Uint8Array | undefined;
  /** The handler starts, or will not: messages are read only as it asks for them. */
  #isDecided = false;
  #isStopped = false;

  constructor(connection: ServerConnection, streamId: number, isFirstFlight: boolean, owner: IntakeOwner) {
    this.#connection = connection;
    this.#streamId = streamId;
    this.#isFirstFlight = isFirstFlight;
    this.#owner = owner;
  }

  /** We have told the client to send no more: that it resets its half then is no cancelling. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Until it is decided whether the handler starts. */
  onReadable(): void {
    const { transport } = this.#connection;
    while (!this.#isDecided) {
      const chunk = transport.readStream(this.#streamId);
      if (chunk === undefined) return;
      try {
        if (chunk === 'end') this.#onEnd();
        else this.#onChunk(chunk);
      } catch (error) {
        this.#onBadRequest(error);
      }
    }
  }

  readMessage(): unknown {
    const request = this.#request;
    try {
      while (request !== undefined && this.#request === request) {
        const body = request.readMessage();
        if (body !== undefined) return this.#decode(body);
        const chunk = this.#connection.transport.readStream(this.#streamId);
        if (chunk === undefined) return undefined;
        if (chunk === 'end') {
          this.#request = undefined;
          request.end();
          return END;
        }
        request.push(chunk);
      }
    } catch (error) {
      this.#onBadMessage(error);
    }
    return undefined;
  }

  /** The handler wants no more. */
  onRequestLeft(): void {
    this.stop(ResetCode.CANCELLED);
  }

  /** Nothing more is read; the client is told, unless all of it has come. */
  stop(code: ResetCode): void {
    const mayHaveMore = this.#request !== undefined || !this.#isDecided;
    this.#isDecided = true;
    this.#request = undefined;
    if (this.#isStopped || !mayHaveMore) return;
    this.#isStopped = true;
    this.#connection.transport.stopStream(this.#streamId, code);
  }

  #onChunk(chunk: Uint8Array): void {
    const { limits, receiveMetadataLimit } = this.#connection.runtime;
    const request = (this.#request ??= new RequestStream(
      limits.maxReceiveMessageBytes,
      receiveMetadataLimit,
    ));
    request.push(chunk);
    if (this.#header === undefined) {
      const header = request.readHeader();
      if (header === undefined) return;
      this.#onHeader(header);
    }
    while (!this.#isDecided) {
      const message = request.readMessage();
      if (message === undefined) return;
      if (this.#message !== undefined) throw malformed('the request of this method has one message');
      this.#message = message;
    }
  }

  /** [RPC-4] [RPC-5] [RPC-11] */
  #onHeader(header: RequestHeader): void {
    this.#header = header;
    const { runtime, transport } = this.#connection;
    const { isDraining, registry } = runtime;
    const now = runtime.environment.clock.now();
    const method = registry.find(header.path) ?? registry.unknownMethod(header, this.#isFirstFlight);
    this.#owner.onHeader(header, method, now);
    // Who was told of it may have shut the server down, and the call was refused.
    if (this.#isDecided) return;
    const waitMs = runtime.rateLimiter.admit(transport.peer, now);
    if (waitMs > 0) {
      this.#refuse(Status.RESOURCE_EXHAUSTED, this.#tooOften(), ResetCode.REFUSED, waitMs);
    } else if (isDraining) {
      this.#refuse(Status.UNAVAILABLE, DRAINING, ResetCode.REFUSED);
    } else if (method?.handler === undefined) {
      this.#refuse(Status.UNIMPLEMENTED, registry.explainMissing(header.path), ResetCode.REFUSED);
    } else if (this.#isFirstFlight && !method.isIdempotent) {
      this.#refuse(Status.UNAVAILABLE, `/${method.path}: ${NOT_IN_FIRST_FLIGHT}`, ResetCode.REFUSED);
    } else {
      this.#method = method;
      const { maxReceiveMessageBytes } = method.limits;
      if (maxReceiveMessageBytes !== undefined)
        this.#request?.limitMessages(maxReceiveMessageBytes, method.path);
      if (!method.descriptor.requestStream) return;
      this.#isDecided = true;
      this.#owner.onRequest(header, method, undefined);
    }
  }

  #onEnd(): void {
    if (this.#request === undefined) throw malformed('a request begins with its header');
    this.#request.end();
    this.#request = undefined;
    const header = this.#header;
    const method = this.#method;
    const message = this.#message;
    if (header === undefined || method === undefined || message === undefined) {
      throw malformed('the request of this method has one message');
    }
    this.#message = undefined;
    this.#isDecided = true;
    this.#owner.onRequest(header, method, message);
  }

  #decode(body: Uint8Array): unknown {
    this.#owner.onMessageRead();
    try {
      return this.#method?.decode(body);
    } catch (error) {
      throw new FramingError(Status.INTERNAL, ResetCode.INTERNAL, undecodable(error));
    }
  }

  #tooOften(): string {
    const { maxCallsPerSecondPerPeer } = this.#connection.runtime.limits;
    return `more than ${maxCallsPerSecondPerPeer} calls a second came from this address: the server's maxCallsPerSecondPerPeer`;
  }

  #refuse(code: Status, details: string, stopCode: ResetCode, retryAfterMs?: number): void {
    this.stop(stopCode);
    this.#owner.onRefused(code, details, retryAfterMs);
  }

  #onBadRequest(error: unknown): void {
    if (!(error instanceof FramingError)) throw error;
    if (error.resetCode !== ResetCode.MALFORMED || error.status !== Status.INTERNAL) {
      this.#refuse(error.status, refusal(error), error.resetCode);
      return;
    }
    this.#stopAlways(ResetCode.MALFORMED);
    this.#owner.onMalformed(error.message);
  }

  #onBadMessage(error: unknown): void {
    if (!(error instanceof FramingError)) throw error;
    this.#stopAlways(error.resetCode);
    this.#owner.onRequestFailed(error.status, refusal(error));
  }

  /** Also when it had come to its end: so that the client hears of it. */
  #stopAlways(code: ResetCode): void {
    this.#isDecided = false;
    this.stop(code);
  }
}

function refusal({ message }: FramingError): string {
  return `the server refused the request: ${message}`;
}

export function undecodable(error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `the server could not decode the request: ${why}`;
}

export const DRAINING = 'the server is shutting down and starts no more calls';
const NOT_IN_FIRST_FLIGHT =
  'a call that must not run twice cannot be sent before the handshake is complete, because the network may replay it';
