/**
 * What a connection tells its user, drained with `Connection.pollEvent`. Streams are named by ID; a stream's
 * `readable` comes when there is something to read after there was nothing, not once per datagram.
 */
import { type ConnectionClosed } from '../transport-error.js';

export type ConnectionEvent =
  /** A client's: its side of the handshake is complete, and nothing that it sends from now on can be replayed. */
  | { readonly kind: 'handshakeComplete' }
  /** The handshake is confirmed: both sides agree, the peer's parameters are authentic. */
  | { readonly kind: 'ready' }
  /** The peer raised its limit on streams after `openStream` had returned undefined. */
  | { readonly kind: 'streamsAvailable' }
  | {
      readonly kind: 'streamOpened';
      readonly streamId: number;
      /** It came before the peer proved its address: the network may have replayed it. */
      readonly isFirstFlight: boolean;
    }
  /** `readStream` has bytes or the end for you. */
  | { readonly kind: 'streamReadable'; readonly streamId: number }
  /** `writeStream` takes bytes again after it took fewer than it was given. */
  | { readonly kind: 'streamWritable'; readonly streamId: number }
  /** The peer ended its sending half without finishing it. */
  | { readonly kind: 'streamReset'; readonly streamId: number; readonly code: number }
  /** The peer will not read what we send. */
  | { readonly kind: 'streamStopped'; readonly streamId: number; readonly code: number }
  /** Established, and nothing was heard for so long that somebody else may be the better one to ask. It lives on. */
  | { readonly kind: 'suspect'; readonly reason: string }
  /** One that was suspect has answered. */
  | { readonly kind: 'recovered' }
  /** The last event of a connection. */
  | { readonly kind: 'closed'; readonly closed: ConnectionClosed };

export type StreamEvent = Exclude<
  ConnectionEvent,
  | { kind: 'handshakeComplete' }
  | { kind: 'ready' }
  | { kind: 'suspect' }
  | { kind: 'recovered' }
  | { kind: 'closed' }
>;
