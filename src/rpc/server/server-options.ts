/**
 * What a server may be told, with the defaults. How many calls a connection may have at once, and how many bytes it may
 * send ahead, are limits of its streams and belong to the transport's options.
 */
import { DEFAULT_MAX_MESSAGE_BYTES } from '../framing/unit.js';

export interface ServerOptions {
  /** A larger request is refused on its declared length, before it is buffered. Default 4 MiB. */
  readonly maxReceiveMessageBytes?: number | undefined;
  /** A larger response becomes RESOURCE_EXHAUSTED. Default 4 MiB, which is also what clients take by default. */
  readonly maxSendMessageBytes?: number | undefined;
  /** Handlers running at once, over all connections; a call above it is RESOURCE_EXHAUSTED. Default 2,000. */
  readonly maxRunningHandlers?: number | undefined;
  /** No call runs longer, whatever its client asks for. Default 600,000. */
  readonly maxTimeoutMs?: number | undefined;
  /**
   * Age from which a connection's clients are asked to make further calls on a new one, ms, ±10 % by chance; no call is
   * cut. For rolling restarts and load balancing. Default Infinity: never.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /**
   * Clients of which is remembered which calls of undeclared idempotency they started; beyond it the one that
   * connected longest ago is forgotten. About 300 bytes each. Default 10,000.
   */
  readonly maxRememberedClients?: number | undefined;
}

export type ServerLimits = Required<{ readonly [Name in keyof ServerOptions]: number }>;

export function resolveServerOptions(options: ServerOptions): ServerLimits {
  return {
    maxReceiveMessageBytes: options.maxReceiveMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    maxSendMessageBytes: options.maxSendMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    maxRunningHandlers: options.maxRunningHandlers ?? 2_000,
    maxTimeoutMs: options.maxTimeoutMs ?? 600_000,
    maxConnectionAgeMs: options.maxConnectionAgeMs ?? Infinity,
    maxRememberedClients: options.maxRememberedClients ?? 10_000,
  };
}
