/** The flags of image-server about TLS: certificates out of files, or made for development, as `tls` of a server. */
import { hostname } from 'node:os';
import {
  developmentCertificate,
  type DevelopmentCertificate,
  readCertificates,
} from '../../src/certificates/index.js';
import { UsageError } from '../../src/command/run-command.js';
import { ownIdentity } from '../../src/command/tls-flags.js';
import { type ServerTlsOptions } from '../../src/index.js';

export interface ServerTlsFlags {
  readonly tls: boolean;
  readonly insecure: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly requestCert: boolean;
}

export interface ServerTls {
  readonly tls: ServerTlsOptions;
  /** What `tls` has, when it was made here. */
  readonly development?: DevelopmentCertificate;
}

/** undefined: plaintext. `host`: what the server listens on. Throws UsageError and CertificateError. */
export async function serverTls(flags: ServerTlsFlags, host: string): Promise<ServerTls | undefined> {
  const { tls, insecure, cert, ca, requestCert } = flags;
  if ([tls, cert !== undefined, insecure].filter(Boolean).length > 1) {
    throw new UsageError('--tls, --cert and --insecure exclude each other');
  }
  if ((ca !== undefined) !== requestCert) {
    throw new UsageError('--ca and --request-cert belong together: whose certificates clients must show');
  }
  const given = await ownIdentity(flags);
  if (given === undefined && !tls) {
    if (requestCert)
      throw new UsageError('--request-cert takes a server with TLS: give --tls, or --cert and --key');
    return undefined;
  }
  const clients = ca === undefined ? {} : { ca: await readCertificates(ca), requestCert };
  if (given !== undefined) return { tls: { ...given, ...clients } };
  const development = await developmentCertificate({ names: namesOf(host) });
  return { tls: { cert: development.cert, key: development.key, ...clients }, development };
}

/** By which clients call a server that listens there. */
function namesOf(host: string): readonly string[] {
  const local = ['localhost', '127.0.0.1', '::1'];
  const name = hostname();
  const isName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name);
  return [...local, ...(isWildcard(host) ? (isName ? [name] : []) : [host])];
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^\[?::\]?$/.test(host);
}
