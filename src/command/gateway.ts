/** What `udprpc gateway` does: makes the gateway that its flags mean, and says in their words what is wrong with them. */
import { once } from 'node:events';
import { type Identity, readCertificates, readIdentity } from '../certificates/index.js';
import {
  createGrpcToUdpGateway,
  createUdpToGrpcGateway,
  type Gateway,
  TargetError,
  TlsOptionsError,
} from '../gateway/index.js';
import { type GatewayFlags } from './gateway-command.js';
import { UsageError } from './run-command.js';

/** Ends by a signal, after the calls that run. */
export async function gateway(flags: GatewayFlags, signal: AbortSignal): Promise<void> {
  let carrier: Gateway;
  let port: number;
  try {
    carrier = await makeGateway(flags);
    port = await carrier.listen(flags.listen);
  } catch (error) {
    const isUsage = error instanceof TargetError || error instanceof TlsOptionsError;
    throw isUsage ? new UsageError(inFlags(error.message)) : error;
  }
  process.stdout.write(`listening on ${withPort(flags, port)}, for calls of ${flags.to}\n`);
  if (!signal.aborted) await once(signal, 'abort');
  await carrier.shutdown({ graceMs: GRACE_MS });
}

async function makeGateway(flags: GatewayFlags): Promise<Gateway> {
  const { to, insecure, maxMessageBytes: max } = flags;
  const isFromUdp = isUdp(flags.listen);
  if (isFromUdp === !/^https?:/.test(to)) {
    const what = isFromUdp ? 'UDP clients are given a gRPC server' : 'gRPC clients are given a UDP server';
    throw new UsageError(`${what}: --to ${isFromUdp ? 'http:// or https://' : 'udp:// or udps://'}HOST:PORT`);
  }
  if (isFromUdp && flags.toFingerprint !== undefined) {
    throw new UsageError('--to-fingerprint is for UDP servers: give --to-ca');
  }
  const own = await listeningTls(flags);
  const other = await targetTls(flags);
  const limits = { maxSendMessageBytes: max, maxReceiveMessageBytes: max };
  if (!isFromUdp) {
    return createGrpcToUdpGateway({
      target: to,
      tls: own,
      insecure,
      channel: { ...limits, insecure, tls: other },
    });
  }
  const server = { ...limits, insecure, tls: own, warn };
  return createUdpToGrpcGateway({ target: to, tls: other, insecure, server });
}

async function listeningTls({ cert, key, clientCa }: GatewayFlags): Promise<Tls | undefined> {
  const identity = await identityOf(cert, key, '--cert and --key');
  if (clientCa === undefined) return identity;
  if (identity === undefined)
    throw new UsageError('--client-ca takes a gateway with TLS: give --cert and --key');
  return { ...identity, ca: await readCertificates(clientCa), requestCert: true };
}

async function targetTls({
  toCert,
  toKey,
  toCa,
  toFingerprint,
}: GatewayFlags): Promise<Partial<Tls> | undefined> {
  const identity = await identityOf(toCert, toKey, '--to-cert and --to-key');
  if (identity === undefined && toCa === undefined && toFingerprint === undefined) return undefined;
  return {
    ...identity,
    ...(toCa !== undefined && { ca: await readCertificates(toCa) }),
    ...(toFingerprint !== undefined && { fingerprint256: toFingerprint }),
  };
}

interface Tls extends Identity {
  readonly ca?: string;
  readonly requestCert?: boolean;
  readonly fingerprint256?: string;
}

async function identityOf(
  cert: string | undefined,
  key: string | undefined,
  names: string,
): Promise<Identity | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError(`${names} belong together: a certificate and its key`);
  }
  return readIdentity({ cert, key });
}

/** As it was given, with the port that it has become. */
function withPort({ listen, cert }: GatewayFlags, port: number): string {
  const secure = cert === undefined ? '' : 's';
  const scheme = isUdp(listen) ? `udp${secure}` : `http${secure}`;
  const host = listen.replace(/^[a-z]+:\/\//, '').replace(/:\d*\/?$/, '');
  return `${scheme}://${host}:${port}`;
}

function isUdp(address: string): boolean {
  return /^udps?:/.test(address);
}

/** What is said of options, in the words of the command. */
function inFlags(text: string): string {
  return text
    .replace('createServer({ tls })', '--cert and --key')
    .replace('tls (--cert and --key)', '--cert and --key')
    .replace('insecure: true (--insecure)', '--insecure')
    .replace('tls.fingerprint256', '--to-fingerprint');
}

function warn(line: string): void {
  process.stderr.write(`udprpc gateway: ${line}\n`);
}

const GRACE_MS = 5_000;
