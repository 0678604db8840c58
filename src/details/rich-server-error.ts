/**
 * A handler's way to answer with details: `throw new RichServerError(code, text, [packDetail(BadRequest, {…})])`. A
 * ServerError that carries an encoded `google.rpc.Status`, which the server puts into the trailer without looking into
 * it. The name and the arguments are those of nice-grpc-error-details; no middleware is needed.
 */
import { ServerError, type Status } from 'nice-grpc-common';
import { type Any } from '../../generated/google/protobuf/any.js';
import { Status as StatusMessage } from '../../generated/google/rpc/status.js';

/** A `ServerError` with details, each made by `packDetail`. The server sends them in the trailer; `findDetails` reads them. */
export class RichServerError extends ServerError {
  readonly extra: readonly Any[];
  /** The bytes of `google.rpc.Status`. Above 8 KiB, with the rest of the trailer's metadata, they cannot be sent. */
  declare readonly statusDetails: Uint8Array;

  constructor(code: Status, details: string, extra: readonly Any[] = []) {
    super(code, details);
    this.name = 'RichServerError';
    this.extra = extra;
    const status = StatusMessage.fromPartial({ code, message: details, details: [...extra] });
    hide(this, 'statusDetails', StatusMessage.encode(status).finish());
    hide(this, BRAND, true);
  }

  /** True for those of every copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class that extends this one asks for its own instances.
    if (this !== RichServerError) return Object.prototype.isPrototypeOf.call(this.prototype, value as object);
    return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
  }
}

function hide(error: object, key: string | symbol, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false });
}

const BRAND = Symbol.for('udprpc.RichServerError');
