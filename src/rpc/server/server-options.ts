/**
 * What a server may be told, with the defaults. How many calls a connection may have at once, and how many bytes it may
 * send ahead, are limits of its streams and belong to the transport's options.
 */
import { checkNumbers, type NumberRules, withDefaults } from '../../base/number-options.js';
import { DEFAULT_MAX_METADATA_BYTES, METADATA_BYTES_RULE } from '../framing/metadata-limit.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../framing/unit.js';

export interface ServerOptions {
  /** A larger request is refused on its declared length, before it is buffered. Default 4 MiB. */
  readonly maxReceiveMessageBytes?: number | undefined;
  /** A larger response becomes RESOURCE_EXHAUSTED. Default 4 MiB, which is also what clients take by default. */
  readonly maxSendMessageBytes?: number | undefined;
  /** A request with more metadata, keys and values together, is refused. Default 8,192, at most 11,903. */
  readonly maxReceiveMetadataBytes?: number | undefined;
  /**
   * A header or a trailer with more metadata becomes RESOURCE_EXHAUSTED. Default 8,192, which is also what clients take by
   * default; at most 11,903.
   */
  readonly maxSendMetadataBytes?: number | undefined;
  /** Handlers running at once, over all connections; a call above it is RESOURCE_EXHAUSTED. Default 2,000. */
  readonly maxRunningHandlers?: number | undefined;
  /** No unary call runs longer, whatever its client asks for. Default 600,000. */
  readonly maxTimeoutMs?: number | undefined;
  /** A streaming call ends when there was no message in either direction for so long. Default 600,000. */
  readonly streamIdleTimeoutMs?: number | undefined;
  /**
   * Age from which a connection's clients are asked to make further calls on a new one, ms, ±10 % by chance; no call is
   * cut. For rolling restarts and load balancing. Default Infinity: never.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /** Calls that one connection may cancel in a second; more, for `cancelFloodSeconds`, and it is closed. Default 200. */
  readonly maxCancelsPerSecond?: number | undefined;
  /** Default 5. */
  readonly cancelFloodSeconds?: number | undefined;
  /**
   * Clients of which is remembered which calls of undeclared idempotency they started; beyond it the one that
   * was idle longest is forgotten, and refused if it repeats a call of that time. About 300 bytes each. Default 10,000.
   */
  readonly maxRememberedClients?: number | undefined;
  /**
   * An answer of a unary call of undeclared idempotency is kept for five minutes, for the client that lost its connection
   * and asks again, unless it is larger: then such a client is refused. Default 64 KiB; 0 keeps none.
   */
  readonly maxCachedReplyBytes?: number | undefined;
  /** What all kept answers may take, each with 512 bytes beside its own; beyond it the oldest go. Default 32 MiB. */
  readonly maxReplyCacheBytes?: number | undefined;
  /**
   * Calls that one IP address (of IPv6: one /64) may make in a second, and as many at once; more are refused with the
   * time after which they may come again. Default Infinity.
   */
  readonly maxCallsPerSecondPerPeer?: number | undefined;
  /** Addresses that are counted for it; beyond it the one that was idle longest begins anew. Default 10,000. */
  readonly maxRatedPeers?: number | undefined;
}

export type ServerLimits = Required<{ readonly [Name in keyof ServerOptions]: number }>;

/** Throws RangeError. */
export function resolveServerOptions(options: ServerOptions): ServerLimits {
  checkNumbers(options, SERVER_RULES);
  return withDefaults(DEFAULTS, options);
}

const DEFAULTS: ServerLimits = {
  maxReceiveMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
  maxSendMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
  maxReceiveMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
  maxSendMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
  maxRunningHandlers: 2_000,
  maxTimeoutMs: 600_000,
  streamIdleTimeoutMs: 600_000,
  maxConnectionAgeMs: Infinity,
  maxCancelsPerSecond: 200,
  cancelFloodSeconds: 5,
  maxRememberedClients: 10_000,
  maxCachedReplyBytes: 65_536,
  maxReplyCacheBytes: 33_554_432,
  maxCallsPerSecondPerPeer: Infinity,
  maxRatedPeers: 10_000,
};

const SERVER_RULES: NumberRules<ServerOptions> = {
  maxReceiveMessageBytes: { min: 0, unit: 'bytes' },
  maxSendMessageBytes: { min: 0, unit: 'bytes' },
  maxReceiveMetadataBytes: METADATA_BYTES_RULE,
  maxSendMetadataBytes: METADATA_BYTES_RULE,
  maxRunningHandlers: { min: 1, isWhole: true },
  maxTimeoutMs: { min: 1, unit: 'ms' },
  streamIdleTimeoutMs: { min: 1, unit: 'ms' },
  maxConnectionAgeMs: { min: 1, unit: 'ms' },
  maxCancelsPerSecond: { min: 1 },
  cancelFloodSeconds: { min: 1, isWhole: true, unit: 's' },
  maxRememberedClients: { min: 1, isWhole: true },
  maxCachedReplyBytes: { min: 0, unit: 'bytes' },
  maxReplyCacheBytes: { min: 0, unit: 'bytes' },
  maxCallsPerSecondPerPeer: { min: 0.001 },
  maxRatedPeers: { min: 1, isWhole: true },
};
