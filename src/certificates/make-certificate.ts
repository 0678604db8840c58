/**
 * Makes certificates for development: X.509 with an ECDSA key on P-256, which every TLS 1.3 peer takes, for at most 825 days.
 * The one place that knows selfsigned, which is loaded when the first certificate is made: it takes a quarter of a second.
 */
import { randomBytes, X509Certificate } from 'node:crypto';
import type { generate } from 'selfsigned';
import { CertificateError } from './certificate-error.js';
import { type SubjectName } from './subject-names.js';

/** A certificate and its private key, both PEM; as they are, `tls` of a server or a channel. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Who the certificate is for. */
export type Subject = { readonly kind: 'authority' } | LeafSubject;

export type LeafSubject =
  | { readonly kind: 'server'; readonly names: readonly SubjectName[] }
  | { readonly kind: 'client'; readonly name: string };

export interface CertificateWish {
  readonly subject: Subject;
  /** How long it is valid from now, 1 to 825. Ignored for an authority: 10 years. */
  readonly days: number;
  /** Signs it; it is never valid for longer than its issuer. Default: it signs itself. */
  readonly issuer?: Identity | undefined;
}

/** Three months: long for a project on a desk, and short enough that what expires is met while somebody remembers. */
export const DEFAULT_DAYS = 90;
/** What Apple's TLS takes at most, and mkcert makes. */
export const MAX_DAYS = 825;

/** Throws CertificateError. */
export async function makeCertificate({ subject, days, issuer }: CertificateWish): Promise<Identity> {
  const now = Date.now();
  const wanted = now + (subject.kind === 'authority' ? AUTHORITY_DAYS : days) * DAY_MS;
  const end = issuer === undefined ? wanted : Math.min(wanted, validUntil(issuer.cert).getTime());
  const { generate } = await import('selfsigned');
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName(subject) }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - CLOCK_SKEW_MS),
    notAfterDate: new Date(end),
    extensions: extensions(subject),
    ...(issuer && { ca: issuer }),
  });
  // selfsigned leaves out the last newline, without which certificates do not make a chain.
  return { cert: `${cert.trimEnd()}\n`, key };
}

export function validUntil(cert: string): Date {
  return new Date(new X509Certificate(cert).validTo);
}

export function checkDays(days: number): void {
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) {
    throw new CertificateError(`a certificate is valid for 1 to ${MAX_DAYS} days, not ${days}`);
  }
}

function commonName(subject: Subject): string {
  switch (subject.kind) {
    case 'authority':
      // Of two authorities of the same name a client that trusts both would ask the wrong one.
      return `udprpc development CA ${randomBytes(4).toString('hex')}`;
    case 'client':
      return subject.name;
    case 'server':
      // Clients look at the other names; this one is for people, and may have 64 characters.
      return subject.names.find(({ text }) => text.length <= 64)?.text ?? 'udprpc development server';
  }
}

type Extensions = NonNullable<NonNullable<Parameters<typeof generate>[1]>['extensions']>;

function extensions(subject: Subject): Extensions {
  if (subject.kind === 'authority') {
    return [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ];
  }
  const always: Extensions = [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
  ];
  if (subject.kind === 'client') return [...always, { name: 'extKeyUsage', clientAuth: true }];
  const altNames = subject.names.map(({ kind, text }) =>
    kind === 'ip' ? { type: 7 as const, ip: text } : { type: 2 as const, value: text },
  );
  return [...always, { name: 'extKeyUsage', serverAuth: true }, { name: 'subjectAltName', altNames }];
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Clients whose clock is behind take it too. */
const CLOCK_SKEW_MS = 3_600_000;
