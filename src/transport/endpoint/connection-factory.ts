/**
 * Makes the connections of an endpoint: what they share (means, memory, limits) and what each is told of itself and tells
 * its peer. Which packets come to them, and when they are asked, is the endpoint's.
 */
import { createController } from '../congestion/create-controller.js';
import { Connection } from '../connection/connection.js';
import { type ConnectionFacts } from '../connection/connection-observer.js';
import { type ConnectionSetup } from '../connection/connection-setup.js';
import { TransmitPool } from '../connection/transmit.js';
import { type TransportOptions } from '../connection/transport-options.js';
import { MAX_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { type Address } from '../path/path.js';
import { BufferBudget } from '../stream/buffer-budget.js';
import { ChunkPool } from '../stream/chunk-pool.js';
import { FIRST_FLIGHT_LIMITS, SERVER_STREAMS } from '../stream/stream-limits.js';
import { encodeTransportParameters } from '../wire/transport-parameters.js';
import { type EndpointConfig, type EndpointMeans } from './endpoint.js';

/** The endpoint, as its connections need it. */
export interface ConnectionHost {
  /** A further ID; packets to it come to the connection from now on. Asked for after confirmation. */
  issueId(connection: Connection): Uint8Array;
  retireId(id: Uint8Array): void;
  /** A token for the client at this address. */
  issueToken(version: number, remote: Address, now: number): Uint8Array;
  /** Memory was freed: the connection may have something to send. */
  onBufferRoom(connection: Connection): void;
}

export class ConnectionFactory {
  readonly transmits = new TransmitPool();
  readonly buffers: BufferBudget;
  /** What the next connections assume before their first sample, instead of the option. */
  initialRttMs: number | undefined;
  readonly #config: EndpointConfig;
  readonly #options: TransportOptions;
  readonly #means: EndpointMeans;
  readonly #host: ConnectionHost;
  readonly #chunkPool: ChunkPool;
  readonly #incarnation: Uint8Array | undefined;

  constructor(config: EndpointConfig, means: EndpointMeans, host: ConnectionHost) {
    this.#config = config;
    this.#options = config.role === 'server' ? withFirstFlightLimits(config.options) : config.options;
    this.#means = means;
    this.#host = host;
    this.buffers = config.buffers ?? new BufferBudget();
    this.#chunkPool = new ChunkPool(this.buffers);
    // [AMO-4]
    this.#incarnation = config.role === 'server' ? means.random.bytes(8) : undefined;
  }

  /** `token`: for a client's hello. */
  make(
    who: Omit<ConnectionFacts, 'role' | 'options'>,
    now: number,
    token: Uint8Array = NO_TOKEN,
  ): Connection {
    const { role } = this.#config;
    const means = this.#means;
    const options = this.#optionsOfNext();
    const { version, originalDestinationId, retrySourceId, remote } = who;
    const facts: ConnectionFacts = { ...who, role, options };
    // Those whom it is given to may call from within its constructor, before there is a connection to name.
    const made: { connection?: Connection } = {};
    const whenMade = (tell: (connection: Connection) => void): void => {
      if (made.connection !== undefined) tell(made.connection);
    };
    const setup: ConnectionSetup = {
      ...facts,
      ids: {
        issue: () => this.#host.issueId(connection),
        retire: (id) => {
          this.#host.retireId(id);
        },
        resetToken: means.resetToken,
      },
      token,
      tokens: {
        issue: (to, at) => this.#host.issueToken(version, to, at),
        keep: (kept) => {
          means.tokenMemory.keep(remote, kept);
        },
      },
      random: means.random,
      observer: means.observe?.(facts, now),
      helloProtection: (helloId) => means.helloProtection(version, helloId, role),
      chunkPool: this.#chunkPool,
      buffers: this.buffers,
      onBufferRoom: () => {
        whenMade((connection) => {
          this.#host.onBufferRoom(connection);
        });
      },
      createController: (maxDatagramSize) =>
        createController(options.congestionControl, {
          maxDatagramSize,
          random: means.random,
          toleratedLoss: options.toleratedLoss,
        }),
      createHandshake: () =>
        means.createHandshake({
          role,
          version,
          originalDestinationId,
          localParameters: this.#localParameters(who.localId, originalDestinationId, retrySourceId),
          wake: () => {
            whenMade((connection) => {
              means.onHandshakeWake(connection);
            });
          },
        }),
    };
    const connection = new Connection(setup, this.transmits, now);
    made.connection = connection;
    return connection;
  }

  #optionsOfNext(): TransportOptions {
    const { initialRttMs } = this;
    return initialRttMs === undefined ? this.#options : { ...this.#options, initialRttMs };
  }

  #localParameters(
    localId: Uint8Array,
    originalDestinationId: Uint8Array,
    retrySourceId: Uint8Array | undefined,
  ): Uint8Array {
    const { role, versions, receiveBufferBytes } = this.#config;
    const options = this.#options;
    const isServer = role === 'server';
    return encodeTransportParameters(
      {
        idleTimeoutMs: options.idleTimeoutMs,
        // [MTU-1] This side takes any size; the other's search finds what arrives.
        maxDatagramSize: MAX_DATAGRAM_BYTES,
        initialMaxData: options.connectionWindow,
        initialMaxStreamData: options.streamWindow,
        initialMaxStreams: isServer ? options.maxStreams : SERVER_STREAMS,
        maxAckDelayMs: options.maxAckDelayMs,
        activeConnectionIdLimit: options.activeConnectionIds,
        sourceConnectionId: localId,
        originalDestinationConnectionId: isServer ? originalDestinationId : undefined,
        retrySourceConnectionId: retrySourceId,
        receiveBufferBytes,
        incarnation: this.#incarnation,
        versions,
      },
      // [TPM-4] Some unknown parameter, so that every server stays tolerant.
      isServer ? undefined : 31 * Math.floor(this.#means.random.fraction() * 1_000) + 27,
    );
  }
}

const NO_TOKEN = new Uint8Array(0);

/** [TPM-5] Never below what a first flight may use before it has heard of our limits. */
function withFirstFlightLimits(options: TransportOptions): TransportOptions {
  return {
    ...options,
    connectionWindow: Math.max(options.connectionWindow, FIRST_FLIGHT_LIMITS.maxData),
    streamWindow: Math.max(options.streamWindow, FIRST_FLIGHT_LIMITS.maxStreamData),
    maxStreams: Math.max(options.maxStreams, FIRST_FLIGHT_LIMITS.maxStreams),
  };
}
