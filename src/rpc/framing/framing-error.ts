/**
 * What is wrong with bytes of a call's stream, or with what should be written to one. Thrown by this folder only and
 * always caught by the call that owns the stream, which resets it with `resetCode` and tells its user `status`.
 */
import { Status } from 'nice-grpc-common';
import { ResetCode } from './reset-code.js';

export class FramingError extends Error {
  override readonly name = 'FramingError';
  readonly status: Status;
  readonly resetCode: ResetCode;

  constructor(status: Status, resetCode: ResetCode, message: string) {
    super(message);
    this.status = status;
    this.resetCode = resetCode;
  }
}

/** The bytes do not follow the format. */
export function malformed(message: string): FramingError {
  return new FramingError(Status.INTERNAL, ResetCode.MALFORMED, message);
}

/** A limit of ours; `message` names it. */
export function tooLarge(message: string): FramingError {
  return new FramingError(Status.RESOURCE_EXHAUSTED, ResetCode.TOO_LARGE, message);
}

/** A field that must be understood, of a later version of the format. */
export function notUnderstood(message: string): FramingError {
  return new FramingError(Status.UNIMPLEMENTED, ResetCode.MALFORMED, message);
}
