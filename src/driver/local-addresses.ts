/**
 * The addresses of this machine that a wildcard stands for. Node cannot tell which address a datagram was sent to, nor
 * choose the one an answer leaves from, so a server binds one socket for each (WIRE-AND-SECURITY "Addresses").
 */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * `wildcard`: `0.0.0.0` for IPv4, `::` for both families, as everywhere in Node. Loopback comes first. An IPv6 address
 * of one link carries the name of its interface, without which it means nothing.
 */
export function localAddresses(
  wildcard: '0.0.0.0' | '::',
  interfaces: Interfaces = networkInterfaces(),
): readonly string[] {
  const found: { readonly ip: string; readonly isInternal: boolean }[] = [];
  for (const [name, entries] of Object.entries(interfaces)) {
    for (const { family, address, internal } of entries ?? []) {
      if (family === 'IPv6' && wildcard === '0.0.0.0') continue;
      const ip = LINK_LOCAL.test(address) ? `${address}%${name}` : address;
      found.push({ ip, isInternal: internal });
    }
  }
  found.sort((left, right) => Number(right.isInternal) - Number(left.isInternal));
  return [...new Set(found.map(({ ip }) => ip))];
}

/** fe80::/10. */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i;
