/**
 * How much of everything a connection's streams may hold, on this side and, as far as we know it, on the other.
 * Resolved once; `StreamSet` enforces it.
 */

export interface StreamLimits {
  /** Streams the peer may have open at a time. Default 100. The cost of each is its `streamWindow`. */
  readonly maxStreams: number;
  /** Bytes of one stream that may be received and not yet read, at first. Default 1 MiB. */
  readonly streamWindow: number;
  /** The same over all streams together. Default 8 MiB: what a peer can make this connection hold. */
  readonly connectionWindow: number;
  /** How large a reader that keeps up may make these on a long or fast path. Default 16 MiB. */
  readonly maxStreamWindow: number;
  /** Default 24 MiB. */
  readonly maxConnectionWindow: number;
  /** Bytes of one stream taken from the application and not yet acknowledged, at first. Default 1 MiB. */
  readonly sendBufferPerStream: number;
  /** The same over all streams together. Default 8 MiB. */
  readonly sendBufferPerConnection: number;
  /** What these may become where the congestion window needs it. Default 16 MiB. */
  readonly maxSendBufferPerStream: number;
  /** Default 24 MiB. */
  readonly maxSendBufferPerConnection: number;
  /**
   * Pieces of one stream that wait for what comes before them [STR-9], beyond one for each KiB in them. Default 1,000;
   * more end the connection.
   */
  readonly reassemblyPieces: number;
  /** The same over all streams together. Default 8,192. */
  readonly reassemblyPiecesPerConnection: number;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  maxStreams: 100,
  streamWindow: 1 << 20,
  connectionWindow: 8 << 20,
  maxStreamWindow: 16 << 20,
  maxConnectionWindow: 24 << 20,
  sendBufferPerStream: 1 << 20,
  sendBufferPerConnection: 8 << 20,
  maxSendBufferPerStream: 16 << 20,
  maxSendBufferPerConnection: 24 << 20,
  reassemblyPieces: 1_000,
  reassemblyPiecesPerConnection: 8_192,
};

/** What the peer's transport parameters let us do. */
export interface PeerLimits {
  readonly maxData: number;
  readonly maxStreamData: number;
  readonly maxStreams: number;
}

/**
 * [HSK-10] What a client may use before it knows the server's parameters, which are never lower in a version with a
 * first flight: a server of such a version raises its own limits to these.
 */
export const FIRST_FLIGHT_LIMITS: PeerLimits = {
  maxData: 256 << 10,
  maxStreamData: 64 << 10,
  maxStreams: 64,
};

/** [STR-10] Streams of a server's that a client takes, in all: one, on which it says that it leaves. */
export const SERVER_STREAMS = 1;
