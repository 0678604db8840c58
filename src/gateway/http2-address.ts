/**
 * Where the HTTP/2 side of a gateway is, as a user writes it: an address to listen on, or the URL of a gRPC server. As on the
 * UDP side plaintext stays on this machine, unless its user says otherwise. Decided from the text alone.
 */
import { formatAddress, isLoopback, TargetError } from '../driver/target.js';

export interface Http2Address {
  readonly isSecure: boolean;
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `[http://|https://]host:port`, port 0 for any free one. Throws TargetError. */
export function parseHttp2Listen(text: string, isSecure: boolean, insecure: boolean): Http2Address {
  const address = parse(text, isSecure ? 'https' : 'http', 'address');
  if (address.isSecure !== isSecure) {
    const what = isSecure
      ? 'the gateway has a certificate and speaks TLS only: use https://'
      : 'https:// takes a certificate: tls (--cert and --key)';
    throw invalid('address', text, what);
  }
  if (!isSecure && !insecure && !isLocal(address.host)) {
    const what = 'is open to other machines and not encrypted';
    throw new TargetError(
      `${text} ${what}: give a certificate, tls (--cert and --key), or insecure: true (--insecure)`,
    );
  }
  return address;
}

/** `http://host:port` or `https://host:port`. Throws TargetError. */
export function parseHttp2Target(text: string, insecure: boolean): Http2Address {
  if (!/^https?:\/\//.test(text)) {
    throw invalid('target', text, 'a gRPC server is http://host:port, or https://host:port with TLS');
  }
  const address = parse(text, 'http', 'target');
  if (address.port === 0) throw invalid('target', text, 'port 0 is no port to connect to');
  if (!address.isSecure && !insecure && !isLocal(address.host)) {
    const secure = `https://${formatAddress(address.host, address.port)}`;
    throw new TargetError(
      `${text} is not encrypted and leaves this machine: use ${secure}, or pass insecure: true (--insecure)`,
    );
  }
  return address;
}

function parse(text: string, defaultScheme: string, what: string): Http2Address {
  const withScheme = /^[a-z]+:\/\//.test(text) ? text : `${defaultScheme}://${text}`;
  const [, scheme, portText] = /^(https?):\/\/[^/?#@\s]+:(\d{1,5})\/?$/.exec(withScheme) ?? [];
  if (scheme === undefined || !URL.canParse(withScheme)) {
    throw invalid(what, text, 'it takes [http://|https://]host:port');
  }
  const host = new URL(withScheme).hostname.replace(/^\[(.*)\]$/, '$1');
  return { isSecure: scheme === 'https', host, port: Number(portText) };
}

function isLocal(host: string): boolean {
  return host === 'localhost' || isLoopback(host);
}

function invalid(what: string, text: string, reason: string): TargetError {
  return new TargetError(`invalid ${what} ${JSON.stringify(text)}: ${reason}`);
}
