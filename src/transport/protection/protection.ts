/**
 * Sealing and opening one packet. Plaintext puts a CRC-32 behind the payload, TLS an AEAD tag; the core sees only
 * this. Both cover the whole packet: header (associated data) and payload.
 */
export interface Sealer {
  /** Bytes that `seal` appends to the payload. */
  readonly overhead: number;

  /** Packets that its key may seal; what CLOSE and its repetitions need comes on top. Default: no limit. */
  readonly packetLimit?: number;

  /** The sealer of the next key generation, always the same one. Absent where keys are not updated: in plaintext. */
  next?(): Sealer;

  /**
   * Seals in place the packet that stands at `buffer[headerStart, payloadEnd)`, whose payload starts at
   * `payloadStart`. The room for `overhead` bytes behind `payloadEnd` belongs to it. Returns the end of the packet.
   */
  seal(
    packetNumber: number,
    buffer: Uint8Array,
    headerStart: number,
    payloadStart: number,
    payloadEnd: number,
  ): number;
}

/** The two sides of one key, or of a checksum. */
export interface Protection {
  readonly sealer: Sealer;
  readonly opener: Opener;
}

/** Of packets before there is an agreement: made of a connection ID that such packets say openly. */
export interface HelloProtection extends Protection {
  /** Of a RETRY in answer to a hello to that ID [HDR-9]. */
  readonly retry: Protection;
}

export interface Opener {
  readonly overhead: number;

  /** What it opens is a view of what it was given. Else it is in memory of its own. */
  readonly isInPlace: boolean;

  /** Packets that may fail to open on one connection, whatever the key. Default: no limit. */
  readonly forgeryLimit?: number;

  /** As of a sealer. */
  next?(): Opener;

  /**
   * Checks the packet at `buffer[headerStart, packetEnd)`. Returns the payload without the overhead, or undefined when
   * the packet is not authentic.
   */
  open(
    packetNumber: number,
    buffer: Uint8Array,
    headerStart: number,
    payloadStart: number,
    packetEnd: number,
  ): Uint8Array | undefined;
}
