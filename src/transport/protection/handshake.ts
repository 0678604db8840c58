/**
 * The seam between the core and whoever agrees on keys. Plaintext only exchanges the two transport-parameter blobs;
 * TLS runs node:tls over the same handshake stream; the simulator's can be slow, fail and answer late.
 * A handshake never blocks and never throws: the core hands it bytes, and drains `pollEvent` after `start`, after
 * `onBytes`, and whenever the driver calls `Connection.handleHandshake` because `context.wake` was called.
 */
import { type Opener, type Sealer } from './protection.js';

export interface Handshake {
  /** It is in the middle of a flight and goes on in a moment: datagrams wait for that. Default false. */
  readonly isSpeaking?: boolean;

  /** Called once, before anything else. */
  start(): void;

  /** The next bytes of the peer's handshake stream, in order, each byte once. The memory is the callee's to keep. */
  onBytes(bytes: Uint8Array): void;

  /** What it has to say, oldest first, or undefined. */
  pollEvent(): HandshakeEvent | undefined;

  /** The connection is gone or confirmed for good: free everything; no wake after this. */
  dispose(): void;
}

export type HandshakeEvent =
  /** Bytes for the peer's handshake stream, sent reliably and in order. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** From now on PROTECTED packets can be sealed. A plaintext client has this at once: its calls ride in the first flight. */
  | { readonly kind: 'sealer'; readonly sealer: Sealer }
  /** From now on PROTECTED packets can be opened. */
  | { readonly kind: 'opener'; readonly opener: Opener }
  /** The peer's transport parameters, encoded as they came. Authentic only once `complete` has come. */
  | { readonly kind: 'peerParameters'; readonly bytes: Uint8Array }
  /** Our side is satisfied. A server now sends HANDSHAKE_DONE and may start handlers. */
  | { readonly kind: 'complete'; readonly peerCertificate?: PeerCertificate | undefined }
  /** Nothing can be established; `reason` is one line for a person. `isUntrusted`: for want of a certificate that we trust [HSK-13]. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isUntrusted?: boolean };

/** What was verified of the other side, in the words of node:crypto's X509Certificate, which it is where TLS is spoken. */
export interface PeerCertificate {
  /** One `KEY=value` a line, for example `CN=alice`. */
  readonly subject: string;
  /** For example `DNS:cam.example, IP Address:127.0.0.1`; undefined: none. */
  readonly subjectAltName: string | undefined;
  readonly issuer: string;
  readonly serialNumber: string;
  /** SHA-256 of `raw`: 32 pairs of hexadecimal digits with colons between them. */
  readonly fingerprint256: string;
  readonly validFrom: string;
  readonly validTo: string;
  /** DER. */
  readonly raw: Uint8Array;
}

export interface HandshakeContext {
  readonly role: 'client' | 'server';
  readonly version: number;
  /** The client's first, random destination connection ID. */
  readonly originalDestinationId: Uint8Array;
  /** Our own transport parameters, encoded. */
  readonly localParameters: Uint8Array;
  /** Asks for a call of `Connection.handleHandshake` soon. May be called at any time, also from within `onBytes`. */
  readonly wake: () => void;
}

export type CreateHandshake = (context: HandshakeContext) => Handshake;
