/** What a connection is made from: facts by the endpoint, means by whoever drives it. */
import { type Random } from '../../base/random.js';
import { type CongestionController } from '../congestion/congestion-controller.js';
import { type IdSource } from '../path/local-ids.js';
import { type Address } from '../path/path.js';
import { type Handshake } from '../protection/handshake.js';
import { type HelloProtection } from '../protection/protection.js';
import { type BufferBudget } from '../stream/buffer-budget.js';
import { type ChunkPool } from '../stream/chunk-pool.js';
import { type ConnectionObserver } from './connection-observer.js';
import { type TransportOptions } from './transport-options.js';

/** Tokens for the hello of another connection: a server makes them, a client keeps them. */
export interface TokenExchange {
  /** For the client at this address. */
  issue(remote: Address, now: number): Uint8Array;
  /** The memory is the callee's to keep. */
  keep(token: Uint8Array): void;
}

export interface ConnectionSetup {
  readonly role: 'client' | 'server';
  readonly version: number;
  readonly options: TransportOptions;
  /** Ours for the handshake. */
  readonly localId: Uint8Array;
  /** Where further IDs of ours come from. */
  readonly ids: IdSource;
  readonly remoteId: Uint8Array;
  readonly originalDestinationId: Uint8Array;
  /** A server's: the source ID of the RETRY that the client has followed; undefined: of none. */
  readonly retrySourceId: Uint8Array | undefined;
  /** A server's: the client has proved its address by a token. */
  readonly isAddressProven: boolean;
  /** A client's, for its hello; empty: none. */
  readonly token: Uint8Array;
  readonly tokens: TokenExchange;
  readonly remote: Address;
  readonly local: number;
  readonly random: Random;
  /** Of HELLO packets, by the ID that the client's go to at first [RTY-4]. */
  helloProtection(helloId: Uint8Array): HelloProtection;
  readonly chunkPool: ChunkPool;
  readonly buffers: BufferBudget;
  /** Memory that others have freed gave the connection something to say. */
  onBufferRoom(): void;
  readonly observer: ConnectionObserver | undefined;
  createController(maxDatagramSize: number): CongestionController;
  createHandshake(localId: Uint8Array, originalDestinationId: Uint8Array): Handshake;
}
