/**
 * From a target to the addresses to try, in the order in which to try them (RFC 8305 §4): as the system prefers them,
 * the two families taking turns, so that a family without a way out costs one step and not all of its addresses.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address } from '../transport/path/path.js';
import { errorCode } from './socket-error.js';
import { insecureMessage, isLoopback, type Target } from './target.js';

/** All IP addresses of a name, the preferred one first. Rejects with Node's error. */
export type LookupAll = (host: string) => Promise<readonly string[]>;

export const lookupAll: LookupAll = async (host) => {
  const found = await systemLookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
};

/**
 * At least one address, at most 16. Rejects with an Error whose message is one line for a person: the name is unknown,
 * or it means another machine and the target neither asked for TLS nor is allowed to go without.
 */
export async function resolveAddresses(
  target: Target,
  insecure: boolean,
  lookup: LookupAll = lookupAll,
): Promise<readonly Address[]> {
  const { host, port } = target;
  const ips = isIP(host) === 0 ? await resolveIps(host, lookup) : [host];
  const allowed = target.isSecure || insecure ? ips : ips.filter((ip) => isLoopback(ip));
  // Only `localhost` can come here by name, and on a broken system it can mean anything.
  if (allowed.length === 0) throw new Error(insecureMessage(target.text, ips[0] ?? host, port));
  return interleaveFamilies(allowed)
    .slice(0, MAX_ADDRESSES)
    .map((ip) => ({ ip, port }));
}

/** The families in turn, beginning with that of the first; in each the order stays. Twins are dropped. */
export function interleaveFamilies(ips: readonly string[]): readonly string[] {
  const distinct = [...new Set(ips)];
  const firstFamily = isIP(distinct[0] ?? '');
  const first = distinct.filter((ip) => isIP(ip) === firstFamily);
  const second = distinct.filter((ip) => isIP(ip) !== firstFamily);
  const interleaved: string[] = [];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    interleaved.push(...first.slice(i, i + 1), ...second.slice(i, i + 1));
  }
  return interleaved;
}

/** All IP addresses of a name, at least one. Rejects with an Error whose message is one line for a person. */
export async function resolveIps(host: string, lookup: LookupAll): Promise<readonly string[]> {
  let ips: readonly string[];
  try {
    ips = await lookup(host);
  } catch (error) {
    const code = errorCode(error);
    throw new Error(`${host} ${LOOKUP_FAILURES.get(code) ?? 'could not be looked up'} (${code})`, {
      cause: error,
    });
  }
  if (ips.length === 0) throw new Error(`${host} has no address`);
  return ips;
}

const LOOKUP_FAILURES: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'is not a known host name'],
  ['EAI_AGAIN', 'could not be looked up: no name server answered'],
]);

/** Nobody has more that work; 250 ms apart they take four seconds already. */
const MAX_ADDRESSES = 16;
