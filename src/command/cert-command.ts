/**
 * `udprpc cert`: makes certificates for development, in the manner of mkcert: an authority that is kept, and by it one for a server or
 * for a client. Nothing of the system is asked to trust it: clients are given `ca.pem`, or a fingerprint.
 */
import { X509Certificate } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { type Issued, issueCertificate } from '../certificates/certificate-directory.js';
import { CertificateError } from '../certificates/certificate-error.js';
import { DEFAULT_DAYS, type LeafSubject, MAX_DAYS, validUntil } from '../certificates/make-certificate.js';
import {
  LOOPBACK_NAMES,
  parseClientName,
  parseSubjectNames,
  type SubjectName,
} from '../certificates/subject-names.js';
import { type Subcommand, UsageError } from './run-command.js';

interface Options {
  readonly out: string;
  readonly days: number;
  readonly client?: string;
  readonly force?: boolean;
}

export function certCommand(): Subcommand {
  const command = new Command('cert')
    .summary('make a certificate for development')
    .description(
      'Makes a certificate for development: cert.pem and its key.pem, signed by ca.pem,\n' +
        'which is made the first time and which clients are told to trust.',
    )
    .argument('[NAME...]', `DNS names and IP addresses of the server\n(default: ${LOOPBACK_NAMES.join(' ')})`)
    .option('--client <NAME>', 'make NAME-cert.pem and NAME-key.pem, for a client')
    .option('--out <DIR>', 'where the files go', '.')
    .option('--days <N>', `how long it is valid, at most ${MAX_DAYS}`, parseDays, DEFAULT_DAYS)
    .option('--force', 'replace a certificate that is there; ca.pem stays')
    .usage('[NAME...] [--client NAME] [--out DIR] [--days N] [--force]');
  return { command, action: () => run(command.args, command.opts<Options>()) };
}

async function run(names: readonly string[], { client, out, days, force }: Options): Promise<void> {
  const subject = parseSubject(names, client);
  const issued = await issueCertificate(out, subject, { days, force });
  process.stdout.write(`${[...description(subject, issued), '', ...usage(subject, issued)].join('\n')}\n`);
}

function parseSubject(names: readonly string[], client: string | undefined): LeafSubject {
  if (client !== undefined && names.length > 0) throw new UsageError('--client takes no names of a server');
  try {
    return client === undefined
      ? { kind: 'server', names: parseSubjectNames(names) }
      : { kind: 'client', name: parseClientName(client) };
  } catch (error) {
    throw error instanceof CertificateError ? new UsageError(error.message) : error;
  }
}

function description(
  subject: LeafSubject,
  { identity, paths, authorityPaths, isNewAuthority }: Issued,
): string[] {
  const { fingerprint256 } = new X509Certificate(identity.cert);
  const day = validUntil(identity.cert).toISOString().slice(0, 10);
  const whom = subject.kind === 'client' ? subject.name : subject.names.map(({ text }) => text).join(', ');
  return [
    `${paths.cert} with ${paths.key} for ${whom}, valid until ${day}`,
    `signed by ${authorityPaths.cert}${isNewAuthority ? ', which is new' : ''}, whose key is ${authorityPaths.key}`,
    `SHA-256 fingerprint ${fingerprint256}`,
  ];
}

function usage(subject: LeafSubject, { paths, authorityPaths }: Issued): string[] {
  const own = `cert: ${reading(paths.cert)}, key: ${reading(paths.key)}`;
  const ca = `ca: ${reading(authorityPaths.cert)}`;
  if (subject.kind === 'client') {
    return [
      `server: createServer({ tls: { cert, key, ${ca}, requestCert: true } })`,
      `client: createChannel('udps://…', { tls: { ${ca}, ${own} } })`,
    ];
  }
  return [
    `server: createServer({ tls: { ${own} } })`,
    `client: createChannel('udps://${host(subject.names)}:5005', { tls: { ${ca} } })`,
    `or, by the fingerprint above: { tls: { fingerprint256 } }`,
  ];
}

function reading(path: string): string {
  return `readFileSync('${path.replace(/[\\']/g, '\\$&')}')`;
}

/** One by which a client may call the server: of `*.cams.example` any. */
function host(names: readonly SubjectName[]): string {
  const text = names[0]?.text.replace('*', 'any') ?? '';
  return text.includes(':') ? `[${text}]` : text;
}

function parseDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (!(days >= 1 && days <= MAX_DAYS))
    throw new InvalidArgumentError(`It must be a number from 1 to ${MAX_DAYS}.`);
  return days;
}
