/** Certificates and keys out of PEM files, looked at before TLS is: of what is wrong with them OpenSSL says `no start line`. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CertificateError, fileError } from './certificate-error.js';
import { type Identity, validUntil } from './make-certificate.js';

/** Where the PEM files of a certificate and of its key are. */
export interface IdentityPaths {
  /** A certificate, and after it those between it and its authority. */
  readonly cert: string;
  /** May be the same file. */
  readonly key: string;
}

/** Throws CertificateError: unreadable, no PEM, encrypted, expired, a key of another certificate. */
export async function readIdentity(paths: IdentityPaths): Promise<Identity> {
  // One after the other, so that of two bad files it is always the same that is told.
  const cert = await readCertificates(paths.cert);
  const key = await readKey(paths.key);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new CertificateError(
      `${paths.key} is not the key of ${paths.cert}: give the two that were made together`,
    );
  }
  const end = validUntil(cert);
  if (end.getTime() <= Date.now()) {
    throw new CertificateError(`${paths.cert} expired at ${end.toISOString()}: give another, or make one`);
  }
  return { cert, key };
}

/** PEM of one certificate or more, such as authorities to trust, without what else is in the file. Throws CertificateError. */
export async function readCertificates(path: string): Promise<string> {
  const blocks = pemBlocks(await readText(path), 'CERTIFICATE');
  if (blocks.length === 0) {
    throw new CertificateError(`${path} has no certificate: it takes PEM (-----BEGIN CERTIFICATE-----)`);
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      const which = blocks.length === 1 ? 'the certificate' : `certificate ${index + 1} of ${blocks.length}`;
      throw new CertificateError(`${which} in ${path} is damaged: get the file again`, { cause: error });
    }
  }
  return blocks.join('');
}

async function readKey(path: string): Promise<string> {
  const [block] = pemBlocks(await readText(path), '(?:[A-Z]+ )?PRIVATE KEY');
  if (block === undefined) {
    throw new CertificateError(`${path} has no private key: it takes PEM (-----BEGIN PRIVATE KEY-----)`);
  }
  if (block.includes('ENCRYPTED')) {
    throw new CertificateError(`the key in ${path} is encrypted: decrypt it with openssl pkey -in ${path}`);
  }
  try {
    createPrivateKey(block);
    return block;
  } catch (error) {
    throw new CertificateError(`the key in ${path} is damaged: get the file again`, { cause: error });
  }
}

/** Each with its newline. `label`: a pattern. */
function pemBlocks(text: string, label: string): readonly string[] {
  const found = text.matchAll(new RegExp(`-----BEGIN (${label})-----[^]*?-----END \\1-----`, 'g'));
  return Array.from(found, ([block]) => `${block}\n`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}
