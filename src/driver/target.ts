/**
 * Reads what a user writes for "where": a client's target and a server's listening address. Decides from the text alone
 * whether TLS is spoken and whether plaintext is allowed (DESIGN §2). Resolves no names; `isLoopback` is asked again
 * about what names turn out to mean.
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

export interface Target {
  /** As the user wrote it, for messages. */
  readonly text: string;
  readonly isSecure: boolean;
  /** An IP address without brackets, or a name in ASCII. */
  readonly host: string;
  readonly port: number;
}

/** What was written cannot be used; the message says why and what to write instead. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}

export const DEFAULT_PORT = 5005;

/**
 * Reads `[udp://|udps://]host[:port]`. Without a scheme it is `udp` for loopback addresses and `localhost`, else `udps`.
 * Throws TargetError, also for plaintext beyond this machine without `insecure`.
 */
export function parseTarget(
  text: string,
  { insecure = false }: { readonly insecure?: boolean | undefined } = {},
): Target {
  const { scheme, host, port } = parse(text, 'target');
  if (port === 0) throw invalid('target', text, 'port 0 is no port to connect to');
  if (isUnspecified(host)) {
    throw invalid('target', text, `${host} means every address of a server: name one, for example 127.0.0.1`);
  }
  const isLocal = host === 'localhost' || isLoopback(host);
  const isSecure = scheme === undefined ? !isLocal : scheme === 'udps';
  if (!isSecure && !isLocal && !insecure) throw new TargetError(insecureMessage(text, host, port));
  return { text, isSecure, host, port };
}

export interface ListenAddress {
  readonly text: string;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Reads `[udp://|udps://]host[:port]` of a server; a scheme must be what it speaks. Throws TargetError. */
export function parseListenAddress(text: string, isSecure = false): ListenAddress {
  const { scheme, host, port } = parse(text, 'address');
  if (scheme === 'udps' && !isSecure) {
    throw invalid('address', text, 'a server speaks TLS when it has a certificate: createServer({ tls })');
  }
  if (scheme === 'udp' && isSecure) {
    throw invalid('address', text, 'this server has a certificate and speaks TLS only: use udps://');
  }
  return { text, host, port };
}

/** `ip:port` as it is written everywhere, IPv6 in brackets. */
export function formatAddress(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Whether nothing sent to this IP address leaves the machine. False for names, `localhost` too. */
export function isLoopback(ip: string): boolean {
  const family = isIP(ip);
  if (family === 4) return ip.startsWith('127.');
  return family === 6 && LOOPBACK_V6.test(canonicalIpv6(ip));
}

export function isUnspecified(ip: string): boolean {
  return ip === '0.0.0.0' || (isIP(ip) === 6 && canonicalIpv6(ip) === '::');
}

/** What to say when plaintext would leave the machine. */
export function insecureMessage(text: string, host: string, port: number): string {
  const secure = `udps://${formatAddress(host, port)}`;
  return `${text} is not encrypted and leaves this machine: use ${secure}, or pass insecure: true (--insecure)`;
}

interface Parsed {
  readonly scheme: 'udp' | 'udps' | undefined;
  readonly host: string;
  readonly port: number;
}

function parse(text: string, what: string): Parsed {
  const match = /^(?:([^:/?#[\]@]*):\/\/)?(.*)$/s.exec(text);
  const [, scheme, rest = ''] = match ?? [];
  if (scheme !== undefined && scheme !== 'udp' && scheme !== 'udps') {
    throw invalid(what, text, `the scheme is udp:// or udps://, not ${scheme}://`);
  }
  if (rest === '') throw invalid(what, text, 'it names no host');
  const unexpected = /[\s/?#@\\]/.exec(rest)?.[0];
  if (unexpected !== undefined) {
    throw invalid(what, text, `${JSON.stringify(unexpected)} does not belong in host[:port]`);
  }
  const { host, portText } = rest.startsWith('[')
    ? splitBracketed(text, rest, what)
    : splitPlain(text, rest, what);
  return { scheme, host, port: portText === undefined ? DEFAULT_PORT : parsePort(text, portText, what) };
}

interface HostAndPort {
  readonly host: string;
  readonly portText: string | undefined;
}

function splitBracketed(text: string, rest: string, what: string): HostAndPort {
  const match = /^\[([^\]]*)\](?::(.*))?$/.exec(rest);
  if (match === null) throw invalid(what, text, 'after [ it takes an IPv6 address, ] and perhaps :port');
  const [, ip = '', portText] = match;
  if (isIP(ip) !== 6) throw invalid(what, text, `${JSON.stringify(ip)} is not an IPv6 address`);
  return { host: ip.includes('%') ? ip : canonicalIpv6(ip), portText };
}

function splitPlain(text: string, rest: string, what: string): HostAndPort {
  const colon = rest.indexOf(':');
  if (colon !== rest.lastIndexOf(':')) {
    throw invalid(what, text, `an IPv6 address stands in brackets, as in [::1]:${DEFAULT_PORT}`);
  }
  const name = colon === -1 ? rest : rest.slice(0, colon);
  const portText = colon === -1 ? undefined : rest.slice(colon + 1);
  if (name === '') throw invalid(what, text, 'it names no host');
  if (isIP(name) === 4) return { host: name, portText };
  // Makes IPv4 addresses of their odd forms (`127.1`, `0x7f000001`), and nothing of what only looks like one.
  const host = domainToASCII(name).replace(/\.$/, '');
  if (isIP(host) !== 0 || !HOST_NAME.test(host)) {
    throw invalid(what, text, `${JSON.stringify(name)} is neither a host name nor an IP address`);
  }
  return { host, portText };
}

function parsePort(text: string, portText: string, what: string): number {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Infinity;
  if (port > 65_535) throw invalid(what, text, `${JSON.stringify(portText)} is not a port (0 to 65535)`);
  return port;
}

function invalid(what: string, text: string, reason: string): TargetError {
  return new TargetError(`invalid ${what} ${JSON.stringify(text)}: ${reason}`);
}

/** The shortest form (RFC 5952), as the kernel writes it; a zone is kept. */
function canonicalIpv6(ip: string): string {
  const [address = '', zone] = ip.split('%');
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return zone === undefined ? short : `${short}%${zone}`;
}

/** `::1`, and 127.0.0.0/8 written as IPv6. */
const LOOPBACK_V6 = /^(::1|::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})$/;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
