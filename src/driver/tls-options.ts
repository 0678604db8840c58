/**
 * What a user may say of TLS, as Node's users know it, and the check of it where a server or channel is made: what
 * OpenSSL does not take is refused there, in one line, and not with the first connection.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from 'node:tls';
import { CIPHER_SUITES } from './packet-keys.js';
import { errorCode } from './socket-error.js';

type Material = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'ciphers'>;

/** Each as in `tls.createSecureContext` of Node, PEM unless something else is said there. */
export interface ServerTlsOptions extends Material, Pick<TlsOptions, 'SNICallback' | 'ticketKeys'> {
  /** Let in only clients with a certificate of `ca`; handlers find it in `context.peerCertificate`. Default false. */
  readonly requestCert?: boolean | undefined;
  /** As in `ChannelTlsOptions`: the secrets of every client's connection. */
  readonly keyLogFile?: string | undefined;
}

/** Each as in `tls.connect` of Node. A server is always verified: by `ca`, default the authorities that Node knows, or by its fingerprint. */
export interface ChannelTlsOptions extends Material {
  /** What the server's certificate must be for. Default: the host of the target. */
  readonly servername?: string | undefined;
  /**
   * SHA-256 of the server's certificate, or of several it may have, as `openssl x509 -fingerprint -sha256` and
   * `X509Certificate.fingerprint256` write it. Who knows it needs no authority: name, issuer and dates are not looked at.
   */
  readonly fingerprint256?: string | readonly string[] | undefined;
  /**
   * A file to which the secrets of every connection are appended, for finding faults with Wireshark (tools/README.md). Who has
   * it reads, in what was captured, all calls of these connections, and may speak in their name while they last; so it is made
   * for its owner only. A file that cannot be written is told once. Default: none.
   */
  readonly keyLogFile?: string | undefined;
}

/** The only one there is; not even the environment changes it. */
export const TLS_VERSION = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** The options cannot be used; the message says which and why. */
export class TlsOptionsError extends Error {
  override readonly name = 'TlsOptionsError';
}

/** Throws TlsOptionsError. */
export function checkServerTls(options: ServerTlsOptions): void {
  const hasOwn = options.pfx !== undefined || (options.cert !== undefined && options.key !== undefined);
  if (!hasOwn && options.SNICallback === undefined) {
    throw new TlsOptionsError(
      'tls: a server needs cert and key (or pfx): `udprpc cert` makes them for development',
    );
  }
  if (options.requestCert === true && options.ca === undefined) {
    throw new TlsOptionsError('tls: requestCert needs ca: whose certificates clients may show');
  }
  contextOf(options);
}

/** What all connections of a channel share: to read certificates takes a millisecond. Throws TlsOptionsError. */
export function channelContext(options: ChannelTlsOptions): SecureContext {
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new TlsOptionsError('tls: cert and key belong together: give both or none');
  }
  for (const fingerprint of fingerprintsOf(options)) {
    if (!FINGERPRINT.test(fingerprint)) {
      throw new TlsOptionsError(
        `tls.fingerprint256: ${JSON.stringify(fingerprint)} is not a SHA-256 fingerprint (32 pairs of hexadecimal digits with colons)`,
      );
    }
  }
  return contextOf(options);
}

/** In the spelling of Node. */
export function fingerprintsOf({ fingerprint256 = [] }: ChannelTlsOptions): readonly string[] {
  const given = typeof fingerprint256 === 'string' ? [fingerprint256] : fingerprint256;
  return given.map((fingerprint) => fingerprint.trim().toUpperCase());
}

/** Node checks against `localhost` where it is told neither, and an IP address is no server name. */
export function nameOptions(host: string): { readonly servername: string } | { readonly host: string } {
  return isIP(host) === 0 ? { servername: host } : { host };
}

function contextOf({ ca, cert, key, passphrase, pfx, ciphers }: Material): SecureContext {
  checkCiphers(ciphers);
  try {
    const context = createSecureContext({ ca, cert, key, passphrase, pfx, ciphers, ...TLS_VERSION });
    // OpenSSL passes over what it cannot read of these, and then nobody is trusted.
    for (const authority of [ca ?? []].flat()) checkAuthority(String(authority));
    return context;
  } catch (error) {
    throw new TlsOptionsError(`tls: ${describe(error)}`, { cause: error });
  }
}

/** Packets are protected by the same suite, so that it must be one of those that protect packets. */
function checkCiphers(ciphers: string | undefined): void {
  for (const name of ciphers?.split(':') ?? []) {
    if (CIPHER_SUITES.has(name)) continue;
    const known = [...CIPHER_SUITES.keys()].join(', ');
    throw new TlsOptionsError(
      `tls.ciphers: ${JSON.stringify(name)} is none of TLS 1.3 that packets can have: ${known}`,
    );
  }
}

function checkAuthority(pem: string): void {
  const certificates = pem.match(PEM_CERTIFICATE);
  if (certificates === null) throw new Error('ca is no certificate in PEM');
  for (const certificate of certificates) {
    if (certificate.startsWith('-----BEGIN CERTIFICATE')) new X509Certificate(certificate);
  }
}

function describe(error: unknown): string {
  const code = errorCode(error);
  const known = KNOWN_ERRORS.get(code);
  if (known !== undefined) return `${known} (${code})`;
  const message = error instanceof Error ? error.message : String(error);
  return code === 'UNKNOWN' || message.includes(code) ? message : `${message} (${code})`;
}

const KNOWN_ERRORS = new Map([
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'the key does not belong to the certificate'],
  ['ERR_OSSL_PEM_NO_START_LINE', 'cert, key or ca is not PEM: it has no -----BEGIN line'],
  ['ERR_OSSL_PEM_BAD_BASE64_DECODE', 'cert, key or ca is damaged PEM'],
  ['ERR_OSSL_PEM_BAD_END_LINE', 'cert, key or ca is damaged PEM: its -----END line is missing'],
  ['ERR_OSSL_BAD_DECRYPT', 'the passphrase is not that of the key'],
  ['ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED', 'the key is encrypted: give its passphrase'],
  ['ERR_MISSING_PASSPHRASE', 'the key is encrypted: give its passphrase'],
]);
const FINGERPRINT = /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/;
const PEM_CERTIFICATE =
  /-----BEGIN ([A-Z0-9]+ )?CERTIFICATE-----[^-]*-----END ([A-Z0-9]+ )?CERTIFICATE-----/g;
