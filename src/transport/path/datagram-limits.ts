/**
 * How large a datagram may be, from what is known before anything is tried: the protocol, the address it goes to, what
 * the peer said of itself. What a path really carries is found by `PathMtu`. Pure functions of text and numbers.
 */

/** [HDR-6] What every path carries: what a client's hello is padded to, and where path MTU search begins. */
export const MIN_DATAGRAM_BYTES = 1_200;
/** [MTU-1] What UDP over IPv4 can carry. */
export const MAX_DATAGRAM_BYTES = 65_507;

/**
 * [MTU-2] The largest datagram worth trying towards this address when the user has said nothing. Linux fragments what is
 * above the path MTU when Don't-Fragment cannot be set, which Node does not offer, so a probe above what Ethernet
 * carries would seem to arrive. On loopback nothing is fragmented below the size of its interface.
 */
export function largestDatagramTo(ip: string): number {
  if (!isLoopback(ip)) return ETHERNET_DATAGRAM_BYTES;
  return ip.includes(':') ? LOOPBACK_V6_DATAGRAM_BYTES : MAX_DATAGRAM_BYTES;
}

/** Whether a canonical IP address never leaves the machine. */
export function isLoopback(ip: string): boolean {
  return LOOPBACK.test(ip);
}

/** [CON-4] What may be in flight of datagrams above Ethernet's size: the rest of the buffer is for others. */
export function bytesInFlightFor(receiveBufferBytes: number | undefined): number {
  return (receiveBufferBytes ?? ASSUMED_RECEIVE_BUFFER_BYTES) * RECEIVE_BUFFER_SHARE;
}

/** [MTU-3] Above Ethernet's size so large that several fit into what may be in flight, else each waits for an ACK. */
export function largestDatagramFor(receiveBufferBytes: number | undefined): number {
  const bytes = Math.floor(bytesInFlightFor(receiveBufferBytes) / DATAGRAMS_IN_SHARE);
  return Math.max(bytes, ETHERNET_DATAGRAM_BYTES);
}

/** The last two are IPv4 addresses in the clothes of IPv6. */
const LOOPBACK = /^(127\.|::1$|::ffff:127\.|::ffff:7f[0-9a-f]{2}:)/;
/** 1,500 bytes less the headers of IPv6 and UDP; of larger ones a socket's receive buffer holds only a few. */
export const ETHERNET_DATAGRAM_BYTES = 1_452;
/** The interface takes 65,536 bytes with the headers of IPv6 (40) and UDP (8). */
const LOOPBACK_V6_DATAGRAM_BYTES = 65_488;
/** Of a peer that does not say: Linux' default, net.core.rmem_default. */
const ASSUMED_RECEIVE_BUFFER_BYTES = 212_992;
/** A server's buffer is shared by its clients. */
const RECEIVE_BUFFER_SHARE = 1 / 4;
/** An ACK comes for every second one, so four keep both sides busy. */
const DATAGRAMS_IN_SHARE = 4;
