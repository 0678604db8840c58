/**
 * What TLS has against the other side, in one line for a person who can do something about it. Told apart by the codes of
 * node:tls: the messages of OpenSSL have several lines, and the names of its alerts change from version to version.
 */
import { errorCode } from './socket-error.js';

export interface TlsFailure {
  readonly reason: string;
  /** For want of a certificate that is trusted. */
  readonly isUntrusted?: boolean;
}

/** `authorizationError`: of the TLSSocket, null where no certificate was looked at and refused. */
export function describeTlsError(error: unknown, authorizationError?: unknown): TlsFailure {
  const code = errorCode(error);
  const isUntrusted = Boolean(authorizationError) || isAboutCertificate(code);
  return { reason: `the TLS handshake failed: ${messageOf(error, code)}${hintOf(code)}`, isUntrusted };
}

/** A server's, of a client that it does not let in: that one is told by our own CLOSE, since node:tls does not tell it. */
export function describeClientRefusal(error: unknown, authorizationError: unknown): TlsFailure {
  if (errorCode(error) === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return NO_CLIENT_CERTIFICATE;
  if (typeof authorizationError !== 'string') return describeTlsError(error);
  return {
    reason: `the server does not trust the client's certificate (${authorizationError}): is it of an authority in the server's tls.ca?`,
    isUntrusted: true,
  };
}

export const NO_CLIENT_CERTIFICATE: TlsFailure = {
  reason:
    'the server lets in only clients with a certificate, and this one has shown none: give tls.cert and tls.key',
  isUntrusted: true,
};

function isAboutCertificate(code: string): boolean {
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' || /_ALERT_(BAD_|UNKNOWN_)?(CERTIFICATE|CA)/.test(code);
}

function messageOf(error: unknown, code: string): string {
  const { reason, message } = error as { readonly reason?: unknown; readonly message?: unknown };
  const [line = ''] = String(
    typeof reason === 'string' && code.startsWith('ERR_SSL_') ? reason : message,
  ).split('\n');
  return code === 'UNKNOWN' ? line : `${line} (${code})`;
}

function hintOf(code: string): string {
  if (UNKNOWN_AUTHORITY.has(code))
    return ': give its authority as tls.ca, or its own fingerprint as tls.fingerprint256';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return ': connect to a name that is in it, or give that as tls.servername';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return ': renew it, or set the clock';
  return '';
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
