/** What a connection is made from: facts by the endpoint, means by whoever drives it. */
import { type Random } from '../../base/random.js';
import { type CongestionController } from '../congestion/congestion-controller.js';
import { type IdSource } from '../path/local-ids.js';
import { type Address } from '../path/path.js';
import { type Handshake } from '../protection/handshake.js';
import { type Opener, type Sealer } from '../protection/protection.js';
import { type BufferBudget } from '../stream/buffer-budget.js';
import { type ChunkPool } from '../stream/chunk-pool.js';
import { type ConnectionObserver } from './connection-observer.js';
import { type TransportOptions } from './transport-options.js';

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
  readonly remote: Address;
  readonly local: number;
  readonly random: Random;
  readonly helloProtection: { readonly sealer: Sealer; readonly opener: Opener };
  readonly chunkPool: ChunkPool;
  readonly buffers: BufferBudget;
  /** Memory that others have freed gave the connection something to say. */
  onBufferRoom(): void;
  readonly observer: ConnectionObserver | undefined;
  createController(maxDatagramSize: number): CongestionController;
  createHandshake(localId: Uint8Array, originalDestinationId: Uint8Array): Handshake;
}
