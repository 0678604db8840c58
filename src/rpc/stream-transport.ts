/**
 * How the rpc floor gets the connections that it runs on. It knows streams (`transport/stream-transport.ts`), not UDP:
 * sockets, the simulated network and two ends joined in memory each bring a Connector and an Acceptor.
 */
import { type StreamListener, type StreamTransport } from '../transport/stream-transport.js';

export {
  NO_PACKET_COUNTS,
  NO_TRANSPORT_STATS,
  type PacketCounts,
  type PeerCertificate,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from '../transport/stream-transport.js';

/** How a channel gets its connections. */
export interface Connector {
  /** For messages: what is being connected to, as the user wrote it. */
  readonly target: string;

  /**
   * Starts to connect; `onTransport` or `onFailed` follows, once, not before this returns. A transport may come before
   * it is ready, so that calls can ride with the handshake; `onTransport` returns who listens to it.
   */
  connect(handler: ConnectHandler, hints?: ConnectHints): ConnectAttempt;

  /** Frees what outlives connections. After it `connect` is not called. */
  close(): Promise<void>;
}

export interface ConnectHints {
  /** What the round trip was the last time, ms: to begin with, unless the user has said what to begin with. */
  readonly initialRttMs?: number | undefined;
}

export interface ConnectHandler {
  onTransport(transport: StreamTransport): StreamListener;
  onFailed(failure: ConnectFailure): void;
}

export interface ConnectFailure {
  /** Names every address that was tried and what came of it, in one line. */
  readonly reason: string;
  /** One of the two sides does not trust the certificate of the other. */
  readonly isUntrusted?: boolean;
}

export interface ConnectAttempt {
  /** Gives up: neither callback follows. */
  cancel(): void;
}

/** How a server gets its connections. */
export interface Acceptor {
  /** Starts to listen. Rejects with an error whose message names the address and says what to do. */
  listen(address: string, accept: (transport: StreamTransport) => StreamListener): Promise<Listening>;
  /** Where there is TLS: what clients that come from now on are shown. Throws when it cannot be used. */
  setSecureContext?(context: SecureContext): void;
}

/** Of what `tls.SecureContextOptions` of Node has, what a server can be given anew while it runs. */
export interface SecureContext {
  readonly cert?: Material | undefined;
  readonly key?: Material | undefined;
  readonly ca?: Material | undefined;
  readonly pfx?: Material | undefined;
  readonly passphrase?: string | undefined;
  readonly ciphers?: string | undefined;
}

/** PEM, or DER where Node takes that. */
type Material = string | Uint8Array | readonly (string | Uint8Array)[];

export interface Listening {
  readonly port: number;
  /** The addresses listened on, as `udp://ip:port`. */
  readonly addresses: readonly string[];
  /** Datagrams that reached no connection, by why: goes on counting. Of what has no datagrams: undefined. */
  readonly drops?: Readonly<Record<string, number>>;
  /** New connections are refused from now on; those that exist go on. */
  refuseNew(): void;
  /** Closes the sockets; connections still open end at once. */
  close(): Promise<void>;
}
