/**
 * The directory that `udprpc cert` writes into: an authority, made with the first certificate and kept, and what it has signed. Clients
 * that trust `ca.pem` know every server certificate that is made there, also the next one. A server certificate is
 * `cert.pem` and `key.pem`, the one of the client NAME `NAME-cert.pem` and `NAME-key.pem`.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateError } from './certificate-error.js';
import {
  checkDays,
  DEFAULT_DAYS,
  type Identity,
  type LeafSubject,
  makeCertificate,
} from './make-certificate.js';
import { existsError, placeFiles } from './place-files.js';
import { type IdentityPaths, readIdentity } from './read-identity.js';

export interface IssueOptions {
  /** 1 to MAX_DAYS. Default: DEFAULT_DAYS. */
  readonly days?: number | undefined;
  /** Replaces a certificate that is there, never the authority. Default false. */
  readonly force?: boolean | undefined;
}

export interface Issued {
  readonly identity: Identity;
  readonly paths: IdentityPaths;
  readonly authorityPaths: IdentityPaths;
  /** Whether the authority was made for it. */
  readonly isNewAuthority: boolean;
}

/** Throws CertificateError. */
export async function issueCertificate(
  directory: string,
  subject: LeafSubject,
  { days = DEFAULT_DAYS, force = false }: IssueOptions = {},
): Promise<Issued> {
  checkDays(days);
  const prefix = subject.kind === 'client' ? `${subject.name}-` : '';
  const paths = { cert: join(directory, `${prefix}cert.pem`), key: join(directory, `${prefix}key.pem`) };
  const taken = [paths.cert, paths.key].find((path) => !force && existsSync(path));
  if (taken !== undefined) throw existsError(taken);
  const authorityPaths = { cert: join(directory, 'ca.pem'), key: join(directory, 'ca-key.pem') };
  const known = await readAuthority(authorityPaths);
  const authority = known ?? (await makeCertificate({ subject: { kind: 'authority' }, days }));
  const identity = await makeCertificate({ subject, days, issuer: authority });
  if (known === undefined) await place(authorityPaths, authority, false);
  await place(paths, identity, force);
  return { identity, paths, authorityPaths, isNewAuthority: known === undefined };
}

async function readAuthority(paths: IdentityPaths): Promise<Identity | undefined> {
  if (!existsSync(paths.cert) && !existsSync(paths.key)) return undefined;
  const authority = await readIdentity(paths).catch((error: unknown) => {
    if (!(error instanceof CertificateError)) throw error;
    throw new CertificateError(
      `${error.message}; without ${paths.cert} and ${paths.key} a new authority is made`,
      {
        cause: error,
      },
    );
  });
  if (!new X509Certificate(authority.cert).ca) {
    throw new CertificateError(
      `${paths.cert} is no certificate of an authority: --out writes into another directory`,
    );
  }
  if (createPrivateKey(authority.key).asymmetricKeyType !== 'ec') {
    throw new CertificateError(
      `${paths.key} is no EC key, which it has to be to sign: --out writes into another directory`,
    );
  }
  return authority;
}

/** The key first: two commands at the same time cannot both place it, so what is there belongs together. */
async function place(paths: IdentityPaths, { cert, key }: Identity, replace: boolean): Promise<void> {
  await placeFiles(
    [
      { path: paths.key, content: key, isSecret: true },
      { path: paths.cert, content: cert, isSecret: false },
    ],
    { replace },
  );
}
