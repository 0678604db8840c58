/**
 * Says what to do when a server cannot listen. The one place where the errors of binding are put into words.
 */
import { errorCode } from './socket-error.js';
import { formatAddress } from './target.js';

/** The error of one address; its `code` is Node's. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export function listenError(error: unknown, ip: string, port: number): ListenError {
  const code = errorCode(error);
  return new ListenError(code, `${describe(code, ip, port)} (${code})`, error);
}

function describe(code: string, ip: string, port: number): string {
  const address = formatAddress(ip, port);
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: the port is in use; stop what uses it, or take another port (0 takes any that is free)`;
    case 'EACCES':
      return `cannot listen on ${address}: not allowed; ports below 1024 need privileges, take a higher one`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${address}: ${ip} is not an address of this machine; 0.0.0.0 or [::] listens on all it has`;
    default:
      return `cannot listen on ${address}`;
  }
}
