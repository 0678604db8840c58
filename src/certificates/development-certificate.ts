/**
 * The certificate of a server under development: made the first time, and the same at the next start, so that clients which were given
 * its fingerprint go on. It signs itself. Kept with its key in one file per set of names, which takes its place in one step, below
 * XDG_STATE_HOME: unlike a cache's it is not the same when it is made again.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { stat, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { CertificateError, fileError } from './certificate-error.js';
import { checkDays, DEFAULT_DAYS, type Identity, makeCertificate, validUntil } from './make-certificate.js';
import { placeFiles } from './place-files.js';
import { readIdentity } from './read-identity.js';
import { parseSubjectNames, type SubjectName } from './subject-names.js';

/** For whom it is, and where it is kept. */
export interface DevelopmentCertificateOptions {
  /** DNS names and IP addresses that clients may use for the server. Default: localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[] | undefined;
  /** How long a new one is valid, 1 to 825. Default 90; in its last day it is replaced. */
  readonly days?: number | undefined;
  /** Where it is kept; made with mode 0700. Default: `udprpc` in XDG_STATE_HOME, that is ~/.local/state/udprpc. */
  readonly directory?: string | undefined;
}

/** `cert` and `key` are PEM: the whole is `tls` of `createServer`, and `cert` or `fingerprint256` what a channel can trust. */
export interface DevelopmentCertificate extends Identity {
  /** SHA-256 as Node writes it, `AB:CD:…`. */
  readonly fingerprint256: string;
  readonly validUntil: Date;
  /** The file it is kept in. */
  readonly path: string;
}

/** Takes a quarter of a second and some packages' loading where it has to be made. Throws CertificateError. */
export async function developmentCertificate({
  names: texts = [],
  days = DEFAULT_DAYS,
  directory = stateDirectory(),
}: DevelopmentCertificateOptions = {}): Promise<DevelopmentCertificate> {
  checkDays(days);
  const names = parseSubjectNames(texts);
  const path = join(directory, `development-${digest(names)}.pem`);
  await makePrivateDirectory(directory);
  const known = await readIdentity({ cert: path, key: path }).catch((error: unknown) => {
    // Missing, expired or damaged: another one is made.
    if (!(error instanceof CertificateError)) throw error;
    return undefined;
  });
  const isGood = known !== undefined && validUntil(known.cert).getTime() > Date.now() + RENEWAL_MS;
  const identity = isGood ? known : await makeCertificate({ subject: { kind: 'server', names }, days });
  if (identity !== known) {
    await placeFiles([{ path, content: identity.key + identity.cert, isSecret: true }], { replace: true });
  }
  return {
    cert: identity.cert,
    key: identity.key,
    fingerprint256: new X509Certificate(identity.cert).fingerprint256,
    validUntil: validUntil(identity.cert),
    path,
  };
}

/** Whoever else could write there would choose the server's key. */
async function makePrivateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = await stat(directory);
    // Windows has neither.
    if (process.getuid === undefined) return;
    if (uid !== process.getuid() || (mode & 0o077) !== 0) {
      throw new CertificateError(
        `${directory} is not this user's alone: chown and chmod 700 it, or set XDG_STATE_HOME to another place`,
      );
    }
  } catch (error) {
    throw fileError(error, 'make', directory);
  }
}

/** Relative paths in it are to be ignored (XDG Base Directory Specification). */
function stateDirectory(): string {
  const state = process.env['XDG_STATE_HOME'] ?? '';
  return join(isAbsolute(state) ? state : join(homedir(), '.local', 'state'), 'udprpc');
}

/** The same for the same names in any order. */
function digest(names: readonly SubjectName[]): string {
  const texts = names.map(({ text }) => text).sort();
  return createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16);
}

const RENEWAL_MS = 86_400_000;
