/**
 * Calls with one response: the promise that their caller holds.
 */
import { Status } from 'nice-grpc-common';
import { malformed } from '../framing/framing-error.js';
import { isRpcError } from '../rpc-error.js';
import { type AttemptFailure } from './attempt.js';
import { Call, type CallDefaults } from './call.js';
import { undecodable } from './call-message.js';
import { type CallMethod } from './call-method.js';
import { rejectAtCallSite } from './call-site.js';
import { type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { type ResponseSink } from './response-sink.js';

/**
 * Makes a call of a method with one response; resolves to what the method's codec decoded, or rejects with an RpcError,
 * or with what the caller's own request iterable threw. Never throws.
 */
export function callForOne(
  channel: Channel,
  method: CallMethod,
  request: unknown,
  options: RpcCallOptions,
  defaults: CallDefaults = method.isStreaming ? channel.streamDefaults : channel.unaryDefaults,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const response = new SingleResponse(method, resolve, reject);
    new Call(channel, method, options, response).begin(request, defaults);
  });
}

class SingleResponse implements ResponseSink {
  readonly isStream = false;
  readonly wantsMessage = true;
  readonly #method: CallMethod;
  readonly #resolve: (response: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #body: Uint8Array | undefined;
  #response: unknown;

  constructor(method: CallMethod, resolve: (response: unknown) => void, reject: (error: unknown) => void) {
    this.#method = method;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onAttempt(): void {
    this.#body = undefined;
  }

  onMessage(body: Uint8Array): void {
    if (this.#body !== undefined)
      throw malformed('the server sent a second response, and the method has one');
    this.#body = body;
  }

  complete(): AttemptFailure | undefined {
    if (this.#body === undefined) {
      return { code: Status.INTERNAL, details: 'the server answered OK without a response' };
    }
    try {
      this.#response = this.#method.decode(this.#body);
    } catch (error) {
      return { code: Status.INTERNAL, details: undecodable(error), cause: error };
    }
    return undefined;
  }

  onDone(): void {
    this.#resolve(this.#response);
  }

  onFailed(error: unknown): void {
    // What the caller's own request threw has a stack of its own.
    if (isRpcError(error)) rejectAtCallSite(this.#resolve, error);
    else this.#reject(error);
  }
}
