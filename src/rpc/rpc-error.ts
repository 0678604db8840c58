/**
 * The one error that a caller of a udprpc client meets, whatever went wrong. It is a `ClientError` of nice-grpc, so that
 * code written for that recognises it, but for that of an aborted call, whose name is `AbortError`, as nice-grpc has it. It
 * is recognised by brand, so that two copies of this package in one process recognise each other's.
 * It prints as a person reads it: what happened, to whom, and one line for each attempt.
 */
import { ClientError, Metadata, Status } from 'nice-grpc-common';
import { type AttemptRecord } from './attempt-record.js';

/** What an RpcError is made of, for tests and middleware that make one. */
export interface RpcErrorInit {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly code: Status;
  /** For a person; the server's own words when the status is the server's. */
  readonly details: string;
  /** Default: path, code and details, as nice-grpc writes them. */
  readonly message?: string | undefined;
  readonly metadata?: Metadata | undefined;
  /** Default: true. Say false only where it is certain. */
  readonly maybeExecuted?: boolean | undefined;
  /** Default: 1. */
  readonly attempts?: number | undefined;
  /** Default: empty. */
  readonly history?: readonly AttemptRecord[] | undefined;
  readonly cause?: unknown;
}

/** What Node calls to print an object. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** What every failed call rejects with. */
export class RpcError extends ClientError {
  /** The trailer's, when the server sent one; else empty. */
  readonly metadata: Metadata;
  /** False only when the server certainly never started the handler. */
  readonly maybeExecuted: boolean;
  /** How many attempts were begun, this one included; 0 when the call never got that far. */
  readonly attempts: number;
  /** How each of them went, in their order. */
  readonly history: readonly AttemptRecord[];

  constructor(init: RpcErrorInit) {
    super(init.path, init.code, init.details);
    this.name = 'RpcError';
    this.metadata = init.metadata ?? Metadata();
    this.maybeExecuted = init.maybeExecuted ?? true;
    this.attempts = init.attempts ?? 1;
    this.history = init.history ?? [];
    if (init.message !== undefined) hide(this, 'message', init.message);
    if (init.cause !== undefined) hide(this, 'cause', init.cause);
    hide(this, BRAND, true);
  }

  /**
   * Of a call that its caller's AbortSignal, or the end of the call around it, has ended: an RpcError with the name
   * `AbortError`. As with nice-grpc it is no ClientError: middleware asks for those first and takes aborts for the rest.
   */
  static abort(init: RpcErrorInit): RpcError {
    const { path, code, details } = init;
    const error = new Error(init.message ?? `${path} ${statusName(code)}: ${details}`);
    Object.setPrototypeOf(error, RpcError.prototype);
    const { metadata = Metadata(), maybeExecuted = true, attempts = 1, history = [], cause } = init;
    const fields = { path, code, details, metadata, maybeExecuted, attempts, history };
    Object.assign(error, { ...fields, name: 'AbortError' });
    if (cause !== undefined) hide(error, 'cause', cause);
    hide(error, BRAND, true);
    return error as unknown as RpcError;
  }

  /** True for the errors of every copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class that extends this one asks for its own instances.
    if (this !== RpcError) return Object.prototype.isPrototypeOf.call(this.prototype, value as object);
    return isRpcError(value);
  }

  /** For `console.log` and `util.inspect`. */
  [INSPECT](depth: number, options: object, inspect: (value: unknown, options: object) => string): string {
    if (depth < 0) return `[${String(this)}]`;
    const lines = [
      this.stack ?? String(this),
      `  code: ${statusName(this.code)} (${this.code}), attempts: ${this.attempts}, maybeExecuted: ${this.maybeExecuted}`,
    ];
    if (!this.message.includes(this.details)) lines.push(`  details: ${this.details}`);
    for (const record of this.history) lines.push(`  ${describeAttempt(record)}`);
    const metadata = Object.fromEntries(this.metadata);
    const show = (value: unknown): string => inspect(value, options).replaceAll('\n', '\n  ');
    if (Object.keys(metadata).length > 0) lines.push(`  metadata: ${show(metadata)}`);
    if (this.cause !== undefined) lines.push(`  cause: ${show(this.cause)}`);
    return lines.join('\n');
  }
}

/** True for the errors of every copy of this package; the same as `instanceof RpcError`. */
export function isRpcError(value: unknown): value is RpcError {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
}

/** `DEADLINE_EXCEEDED` of 4. */
export function statusName(code: Status): string {
  return Status[code];
}

function hide(error: Error, key: string | symbol, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
}

function describeAttempt(record: AttemptRecord): string {
  const { attempt, code, details, durationMs, peer, rttMs, packetsSent, packetsLost } = record;
  const what = `attempt ${attempt}: ${statusName(code)} after ${Math.round(durationMs)} ms`;
  if (peer === undefined) return `${what}, no connection: ${details}`;
  const rtt = rttMs === undefined ? 'no RTT yet' : `RTT ${rttMs.toFixed(1)} ms`;
  return `${what}, ${peer}, ${rtt}, ${packetsSent} packets sent, ${packetsLost} lost: ${details}`;
}

const BRAND = Symbol.for('udprpc.RpcError');
