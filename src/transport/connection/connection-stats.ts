/**
 * What a connection counted. Every datagram and packet that is not used has one reason, and each reason one counter,
 * so that accepted and dropped add up to received.
 */
export const DROP_REASONS = [
  /** Header too short, fixed bit 0, impossible lengths. */
  'malformedHeader',
  /** A long header of a type this version does not know. */
  'unknownType',
  /** Not for any connection of this endpoint. */
  'unknownConnection',
  /** In a coalesced datagram: for another connection than the packet before it. */
  'foreignConnectionId',
  /** From an address that is not the connection's. */
  'otherAddress',
  /** Checksum or AEAD tag wrong. */
  'notAuthentic',
  /** Packet number seen before, or too old to tell. */
  'duplicate',
  /** Came before its keys, and no room was left to keep it. */
  'undecryptable',
  /** A HELLO packet after confirmation. */
  'helloAfterConfirmation',
  /** The connection has ended. */
  'connectionEnded',
  /** A client's hello below 1,200 bytes, or with connection IDs of another length than this version's. */
  'badHello',
  /** The server takes no more connections. */
  'refused',
  /** A hello without proof of its address, which the server wants first: answered with a RETRY, nothing kept. */
  'addressNotProven',
  /** A RETRY that a client does not wait for: a second one, or after another packet of the server's; any to a server. */
  'unexpectedRetry',
  /** A version this endpoint does not speak. */
  'unknownVersion',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

export class ConnectionStats {
  datagramsSent = 0;
  datagramsReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  packetsSent = 0;
  packetsReceived = 0;
  packetsLost = 0;
  ptoCount = 0;
  /** How often the keys that seal were replaced, by whichever side's wish. */
  keyUpdates = 0;
  /** Datagrams with PATH_CHALLENGE or PATH_RESPONSE. */
  pathProbesSent = 0;
  readonly drops: Record<DropReason, number>;

  constructor() {
    this.drops = noDrops();
  }
}

const NO_DROPS = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;

export function noDrops(): Record<DropReason, number> {
  // A copy shares the shape of its original; made field by field each would be a dictionary of its own.
  return { ...NO_DROPS };
}
