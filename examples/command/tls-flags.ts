/** The flags of the commands about TLS: certificates out of files, or made for development, as `tls` of a server or a channel. */
import { hostname } from 'node:os';
import {
  developmentCertificate,
  type DevelopmentCertificate,
  type Identity,
  readCertificates,
  readIdentity,
} from '../../src/certificates/index.js';
import { UsageError } from '../../src/command/run-command.js';
import {
  type ChannelTlsOptions,
  type ServerTlsOptions,
  TargetError,
  TlsOptionsError,
} from '../../src/index.js';

export interface ServerTlsFlags {
  readonly tls: boolean;
  readonly insecure: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly requestCert: boolean;
}

export interface ChannelTlsFlags {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly fingerprint?: string;
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

/** undefined: whatever the target says, as it is by default. Throws UsageError and CertificateError. */
export async function channelTls(flags: ChannelTlsFlags): Promise<ChannelTlsOptions | undefined> {
  const { ca, fingerprint } = flags;
  const own = await ownIdentity(flags);
  if (own === undefined && ca === undefined && fingerprint === undefined) return undefined;
  return {
    ...own,
    ...(ca !== undefined && { ca: await readCertificates(ca) }),
    ...(fingerprint !== undefined && { fingerprint256: fingerprint }),
  };
}

/** Runs `action`; what it has against arguments is said as of those of a command. */
export async function withFlags<T>(action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const isUsage = error instanceof TargetError || error instanceof TlsOptionsError;
    throw isUsage ? new UsageError(inFlags(error.message)) : error;
  }
}

/** What is said of options, in the words of a command. */
export function inFlags(text: string): string {
  return text.replace(/\btls\.(ca|cert|key)\b/g, '--$1').replace(/\btls\.fingerprint256\b/g, '--fingerprint');
}

async function ownIdentity({ cert, key }: ChannelTlsFlags): Promise<Identity | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError('--cert and --key belong together: a certificate and its key');
  }
  return readIdentity({ cert, key });
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
