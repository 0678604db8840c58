/**
 * A connection as the floor above sees it: the core's stream verbs and their events, and nothing of UDP.
 * Three implementations: sockets (driver), the simulated network (sim), and two ends joined in memory.
 */
import { type PeerCertificate } from './protection/handshake.js';
import { type ConnectionClosed } from './transport-error.js';

export { type PeerCertificate };

export interface StreamTransport {
  /** `ip:port` of the other side, as it is now. */
  readonly peer: string;
  /** What is sent is encrypted, by TLS. */
  readonly isSecure: boolean;
  /** What is written leaves: in plaintext from the beginning, as a first flight, under TLS when the handshake is complete. */
  readonly canSend: boolean;
  /**
   * Our side of the handshake is complete (RFC 9001 §4.1.1): the network can replay nothing of what is written from now on.
   * A server may still refuse us. What was written before it may be replayed (first flight) [HSK-11].
   */
  readonly isHandshakeComplete: boolean;
  /** The handshake is confirmed (RFC 9001 §4.1.2): the other side is content too. */
  readonly isReady: boolean;
  /**
   * Of the server, on its client's side once the handshake is complete: hex of what it drew when it started. The same on another
   * connection is the same process, which remembers what it has started [AMO-4]. Undefined on a server's side.
   */
  readonly peerIncarnation: string | undefined;
  /** Of a client, on its server's side: what TLS has verified; undefined before it is ready, and where nothing was asked for. */
  readonly peerCertificate?: PeerCertificate | undefined;
  /**
   * Streams of which something is still under way: not read to the end, or not finished, or not yet acknowledged to the
   * end. When it is 0, closing loses nothing.
   */
  readonly openStreamCount: number;
  /** What was counted so far: always the same object, which goes on counting. For those who ask at every call. */
  readonly packetCounts: PacketCounts;

  /** A new stream, or undefined when the peer's limit is reached: wait for `onStreamsAvailable`. */
  openStream(): number | undefined;

  /**
   * Takes as many bytes as there is room for and returns their number; they are copied before it returns. `fin` ends
   * our half and takes effect only when everything was taken. After less than everything wait for `onStreamWritable`.
   */
  writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number;

  /** The next bytes, `'end'` once after the last of a finished stream, or undefined when there is nothing now. */
  readStream(streamId: number): Uint8Array | 'end' | undefined;

  /** Ends our sending half at once; what was not sent is dropped. Also releases a stream whose peer has stopped it. */
  resetStream(streamId: number, code: number): void;

  /** Tells the peer that we will not read any more of this stream. */
  stopStream(streamId: number, code: number): void;

  /** Goes on from another socket, where there is one: this machine's network has changed. The connection stays. */
  rebind?(): void;

  /** Ends the connection; the listener gets `onClosed`. Idempotent. */
  close(code: number, reason: string): void;

  stats(): TransportStats;
}

/** Of a connection since it began. */
export interface PacketCounts {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

/** Of a transport that has no packets. */
export const NO_PACKET_COUNTS: PacketCounts = { packetsSent: 0, packetsReceived: 0, packetsLost: 0 };

/** What a connection has measured and counted. */
export interface TransportStats {
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** UDP payload, without the headers of UDP and IP. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Sent and taken for lost, so that what they carried was sent again. */
  readonly packetsLost: number;
  /** Received with a checksum or tag that was wrong, and dropped. */
  readonly packetsDamaged: number;
  /** How often nothing was heard for so long that a probe was sent, since the connection began. */
  readonly ptoCount: number;
  /** Round-trip times in milliseconds, or undefined before the first sample: the newest, their mean, the shortest. */
  readonly latestRttMs: number | undefined;
  readonly smoothedRttMs: number | undefined;
  readonly minRttMs: number | undefined;
  /** Bytes that may be on their way at once, as congestion control sees it. */
  readonly congestionWindow: number;
  readonly bytesInFlight: number;
  /** Bytes of the largest datagram that is sent now. */
  readonly maxDatagramSize: number;
  /** Milliseconds since something authentic came from the peer. */
  readonly lastReceivedAgoMs: number;
  /** Nothing has come for so long that new calls are made on another connection. */
  readonly isSuspect: boolean;
}

/** Of a transport that has no datagrams. */
export const NO_TRANSPORT_STATS: TransportStats = {
  datagramsSent: 0,
  datagramsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  packetsLost: 0,
  packetsDamaged: 0,
  ptoCount: 0,
  latestRttMs: undefined,
  smoothedRttMs: undefined,
  minRttMs: undefined,
  congestionWindow: 0,
  bytesInFlight: 0,
  maxDatagramSize: 0,
  lastReceivedAgoMs: 0,
  isSuspect: false,
};

/** Told of a transport's events, never from within a call of one of its methods. */
export interface StreamListener {
  /** Of a client, before `onReady`. For those who have more to write from then on. */
  onHandshakeComplete?(): void;
  onReady(): void;
  onStreamsAvailable(): void;
  /** The peer opened a stream. `isFirstFlight`: the network may have replayed it. */
  onStreamOpened(streamId: number, isFirstFlight: boolean): void;
  onStreamReadable(streamId: number): void;
  onStreamWritable(streamId: number): void;
  onStreamReset(streamId: number, code: number): void;
  onStreamStopped(streamId: number, code: number): void;
  /** Nothing was heard for long, and it lives on; `reason` is for a person. For those who could use another one. */
  onSuspect?(reason: string): void;
  /** One that was suspect has answered. */
  onRecovered?(): void;
  /** The last event. */
  onClosed(closed: ConnectionClosed): void;
}
