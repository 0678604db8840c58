/**
 * What certificates are for: servers by DNS names and IP addresses, in the form in which clients look for them, clients by a name that
 * a file can have too. Refuses what Node would never find in a certificate, because a client's error says less than ours.
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { CertificateError } from './certificate-error.js';

export interface SubjectName {
  readonly kind: 'dns' | 'ip';
  /** A name in ASCII and lower case, or an IP address in its shortest form. */
  readonly text: string;
}

/** This machine, by the names that a client on it may use. */
export const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/** Each once, in the order given; none: LOOPBACK_NAMES. Throws CertificateError. */
export function parseSubjectNames(texts: readonly string[]): readonly SubjectName[] {
  const names = new Map<string, SubjectName>();
  for (const text of texts.length === 0 ? LOOPBACK_NAMES : texts) {
    const name = parseSubjectName(text);
    names.set(name.text, name);
  }
  return [...names.values()];
}

/** Returns `text`. Throws CertificateError. */
export function parseClientName(text: string): string {
  // Its key would be the authority's.
  const isTaken = text.toLowerCase() === 'ca';
  if (CLIENT_NAME.test(text) && !isTaken) return text;
  throw new CertificateError(
    `no client ${JSON.stringify(text)}: ${isTaken ? 'ca-key.pem is the key of the authority' : CLIENT_NAME_RULE}`,
  );
}

function parseSubjectName(text: string): SubjectName {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  const family = isIP(bare);
  if (family === 4) return { kind: 'ip', text: bare };
  if (family === 6) {
    if (bare.includes('%')) throw invalid(text, 'a certificate knows no zones: leave out what follows %');
    return { kind: 'ip', text: new URL(`http://[${bare}]`).hostname.slice(1, -1) };
  }
  if (text.includes('://')) throw invalid(text, 'give the host of the URL alone');
  if (/:\d+$/.test(text)) throw invalid(text, 'leave out the port: a certificate is for all of them');
  const [wildcard, host] = text.startsWith('*.') ? ['*.', text.slice(2)] : ['', text];
  const ascii = domainToASCII(host).replace(/\.$/, '');
  // An IPv4 address in one of its odd forms (`127.1`) is no name that anybody looks for.
  if (isIP(ascii) !== 0 || !HOST_NAME.test(ascii)) {
    throw invalid(text, 'it is neither a DNS name nor an IP address');
  }
  if (wildcard !== '' && !ascii.includes('.')) {
    throw invalid(text, 'clients heed a wildcard only before two labels, as in *.cams.example');
  }
  return { kind: 'dns', text: wildcard + ascii };
}

function invalid(text: string, reason: string): CertificateError {
  return new CertificateError(`no certificate for ${JSON.stringify(text)}: ${reason}`);
}

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

const CLIENT_NAME = /^[a-z0-9][a-z0-9._@-]{0,62}$/i;
const CLIENT_NAME_RULE =
  'a name has 1 to 63 letters, digits, ".", "_", "@" and "-", the first a letter or digit';
