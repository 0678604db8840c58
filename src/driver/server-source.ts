/**
 * From what a user writes for several servers to where they are and how to get there: a list of targets, a name that DNS
 * knows (`dns:///name:port`), or a resolver of the user's own. As with one server the scheme alone decides TLS (DESIGN
 * §2), and it is one for all of them.
 */
import { checkNumbers } from '../base/number-options.js';
import { type ServerSource } from '../rpc/balancing/balancer.js';
import { type Resolver, type ServerAddress, StaticResolver } from '../rpc/balancing/resolver.js';
import { type TransportOptions } from '../transport/connection/transport-options.js';
import { DnsResolver, nameServersAt } from './dns-resolver.js';
import { realEnvironment } from './real-environment.js';
import { lookupAll } from './resolve-addresses.js';
import { formatAddress, parseTarget, type Target, TargetError } from './target.js';
import { UdpConnector, type UdpConnectorOptions } from './udp-connector.js';

/** Of a target `dns:///name[:port]`: who is asked, and how often. */
export interface DnsOptions {
  /** Name servers, each `ip` or `ip:port`. Default: those of the system. `/etc/hosts` is not asked. */
  readonly servers?: readonly string[] | undefined;
  /** The longest time between two questions; TTLs make it shorter, down to 1,000. Default 30,000. */
  readonly refreshMs?: number | undefined;
}

export interface ServerSourceOptions extends UdpConnectorOptions {
  readonly dns?: DnsOptions | undefined;
  readonly resolver?: Resolver | undefined;
}

/**
 * Where there is another server, one that says nothing is given up sooner than where there is none: 3 s for the first
 * answer, and 1 s for any answer to what was sent.
 */
export const BALANCED_TRANSPORT: Partial<TransportOptions> = {
  handshakeTimeoutMs: 3_000,
  suspectAfterMs: 1_000,
  suspectAfterPtos: 3,
};

/** Undefined: the target is one server. Throws TargetError, TlsOptionsError or RangeError. */
export function serverSource(
  target: string | readonly string[],
  options: ServerSourceOptions,
): ServerSource | undefined {
  const { dns, resolver, ...connecting } = options;
  const isDns = typeof target === 'string' && DNS_SCHEME.test(target);
  if (dns !== undefined && !isDns)
    throw new TargetError(`dns is for targets like dns:///name:port, not for ${String(target)}`);
  if (typeof target !== 'string') {
    if (resolver !== undefined)
      throw new TargetError('a resolver says where the servers are: give one target, not a list');
    return listSource(target, connecting);
  }
  if (resolver !== undefined) {
    const parsed = parseTarget(target, options);
    return { target, resolver, connectorTo: connectorMaker(parsed, connecting) };
  }
  return isDns ? dnsSource(target, dns, connecting) : undefined;
}

function listSource(targets: readonly string[], options: UdpConnectorOptions): ServerSource {
  if (!isList(targets))
    throw new TargetError(`the target is ${String(targets)}: it takes a string or a list of them`);
  const [first, ...others] = targets.map((text) => parseTarget(text, options));
  if (first === undefined) throw new TargetError('the list of targets is empty: name one server at least');
  const other = others.find(({ isSecure }) => isSecure !== first.isSecure);
  if (other !== undefined) {
    throw new TargetError(
      `${first.text} and ${other.text} are not both encrypted: give all targets the same scheme`,
    );
  }
  const servers = [first, ...others].map(({ host, port }) => ({ address: formatAddress(host, port) }));
  return {
    target: targets.join(','),
    resolver: new StaticResolver(servers, (callback) => {
      realEnvironment.clock.soon(callback);
    }),
    connectorTo: connectorMaker({ text: first.text, isSecure: first.isSecure }, options),
  };
}

function dnsSource(text: string, dns: DnsOptions | undefined, options: UdpConnectorOptions): ServerSource {
  const target = parseDnsTarget(text, options);
  checkNumbers(dns, { refreshMs: { min: 1_000, max: 2_147_483_647, unit: 'ms' } }, 'dns.');
  const nameServers = () => nameServersAt(dns?.servers);
  try {
    nameServers().cancel();
  } catch (error) {
    throw new TargetError(`dns.servers: ${(error as Error).message}`, { cause: error });
  }
  const { clock, random } = realEnvironment;
  const { refreshMs = 30_000 } = dns ?? {};
  const { host: name, port } = target;
  return {
    target: text,
    resolver: new DnsResolver({ name, port, refreshMs, clock, random, nameServers }),
    connectorTo: connectorMaker({ ...target, host: domainOf(name) }, options),
  };
}

/**
 * Reads `dns:///name[:port]`: TLS, but for `localhost`, as a target without a scheme; `dns+udp:///` and `dns+udps:///` say
 * it. A name that begins with `_` is a service's, whose SRV records have the ports. Throws TargetError.
 */
export function parseDnsTarget(
  text: string,
  { insecure = false }: { readonly insecure?: boolean | undefined } = {},
): Omit<Target, 'port'> & { readonly port: number | undefined } {
  const [, scheme, rest = ''] = DNS_TARGET.exec(text) ?? [];
  if (!DNS_TARGET.test(text)) {
    throw new TargetError(
      `invalid target ${JSON.stringify(text)}: it takes dns:///name:port, dns+udp:///name:port or dns+udps:///name:port`,
    );
  }
  const { isSecure, host, port } = withoutPrefix(text, rest, scheme);
  const isService = host.startsWith('_');
  if (isService && /:\d*$/.test(rest))
    throw new TargetError(
      `invalid target ${JSON.stringify(text)}: the ports of ${host} are in its SRV records`,
    );
  if (!isSecure && host !== 'localhost' && !insecure) {
    const secure = `dns+udps:///${rest}`;
    throw new TargetError(
      `${text} is not encrypted and may leave this machine: use ${secure}, or pass insecure: true (--insecure)`,
    );
  }
  return { text, isSecure, host, port: isService ? undefined : port };
}

function withoutPrefix(text: string, rest: string, scheme: string | undefined): Target {
  try {
    return parseTarget(scheme === undefined ? rest : `${scheme}://${rest}`, { insecure: true });
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    const [, why = error.message] = /^invalid target .*?": (.*)$/s.exec(error.message) ?? [];
    throw new TargetError(`invalid target ${JSON.stringify(text)}: ${why}`);
  }
}

/** `host`: what the certificates must be for; undefined: each for its own host. */
function connectorMaker(
  { isSecure, host }: { readonly isSecure: boolean; readonly host?: string; readonly text: string },
  { tls, transport, ...options }: UdpConnectorOptions,
): ServerSource['connectorTo'] {
  const scheme = isSecure ? 'udps' : 'udp';
  const servername = isSecure && host !== undefined ? { servername: host } : {};
  const common: UdpConnectorOptions = {
    ...options,
    tls: isSecure ? { ...servername, ...tls } : tls,
    transport: { ...BALANCED_TRANSPORT, ...transport },
  };
  const make = (server: Pick<ServerAddress, 'address' | 'ips'>): UdpConnector =>
    new UdpConnector(`${scheme}://${server.address}`, {
      ...common,
      lookup: (name) => (server.ips === undefined ? lookupAll(name) : Promise.resolve(server.ips)),
    });
  // What cannot be said of any server is refused where the channel is made, and not with the first connection.
  void make({ address: '127.0.0.1:1' }).close();
  return make;
}

/** Not everybody who calls has a compiler. */
function isList(targets: readonly string[]): boolean {
  return Array.isArray(targets);
}

/** Of a service, as certificates have it (RFC 6125 §6.2.1): `_images._udp.example.org` is of `example.org`. */
function domainOf(name: string): string {
  return name.replace(/^(_[^.]*\.)+/, '');
}

const DNS_SCHEME = /^dns(\+[^:]*)?:\/\//;
const DNS_TARGET = /^dns(?:\+(udps?))?:\/\/\/(.*)$/s;
