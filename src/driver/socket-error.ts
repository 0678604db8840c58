/**
 * What an operating system can say against a datagram, in the few words that make a difference to a connection. An error
 * of a socket is information, never an end: only its owner decides what it means.
 */
export const SOCKET_ERROR_KINDS = [
  /** Nobody listens there: ICMP port unreachable, told to connected sockets only. */
  'refused',
  /** Larger than the interface or the protocol takes. */
  'tooLarge',
  /** The kernel has no room for it now. */
  'noBuffers',
  /** No route, or the network or host is down. */
  'unreachable',
  /** A firewall on this machine. */
  'forbidden',
  /** The address of our own end went away: only a new socket helps. */
  'addressGone',
  'other',
] as const;

export type SocketErrorKind = (typeof SOCKET_ERROR_KINDS)[number];

export interface SocketError {
  readonly kind: SocketErrorKind;
  /** As Node names it, e.g. `ECONNREFUSED`. */
  readonly code: string;
}

export function classifySocketError(error: unknown): SocketError {
  const code = errorCode(error);
  return { kind: KIND_BY_CODE.get(code) ?? 'other', code };
}

/** For a person: what came of sending to an address. */
export function describeSocketError({ kind, code }: SocketError): string {
  return `${DESCRIPTIONS[kind]} (${code})`;
}

export function errorCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}

const KIND_BY_CODE: ReadonlyMap<string, SocketErrorKind> = new Map<string, SocketErrorKind>([
  ['ECONNREFUSED', 'refused'],
  // What Windows makes of the same ICMP message.
  ['ECONNRESET', 'refused'],
  ['EMSGSIZE', 'tooLarge'],
  ['ENOBUFS', 'noBuffers'],
  ['ENOMEM', 'noBuffers'],
  ['EAGAIN', 'noBuffers'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EPERM', 'forbidden'],
  ['EACCES', 'forbidden'],
  ['EADDRNOTAVAIL', 'addressGone'],
  ['EINVAL', 'addressGone'],
]);

const DESCRIPTIONS: Readonly<Record<SocketErrorKind, string>> = {
  refused: 'refused, nobody listens there',
  tooLarge: 'datagram too large for this network',
  noBuffers: 'no room in the system for more datagrams',
  unreachable: 'no way to this address from here',
  forbidden: 'forbidden by a firewall of this machine',
  addressGone: 'the local address is gone',
  other: 'failed',
};
