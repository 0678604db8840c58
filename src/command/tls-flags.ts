/** The flags of commands that call servers about TLS: certificates out of files, as `tls` of a channel. Those of examples/ too. */
import { type Identity, readCertificates, readIdentity } from '../certificates/index.js';
import { type ChannelTlsOptions, TargetError, TlsOptionsError } from '../index.js';
import { UsageError } from './run-command.js';

export interface ChannelTlsFlags {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly fingerprint?: string;
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
  return text
    .replace(/\btls\.(ca|cert|key)\b/g, '--$1')
    .replace(/\btls\.fingerprint256\b/g, '--fingerprint')
    .replace(
      /\btls was given: (.*), or leave tls out\b/,
      'certificates are named: $1, or leave these flags out',
    );
}

/** undefined: none is named. Throws UsageError and CertificateError. */
export async function ownIdentity({ cert, key }: ChannelTlsFlags): Promise<Identity | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError('--cert and --key belong together: a certificate and its key');
  }
  return readIdentity({ cert, key });
}
