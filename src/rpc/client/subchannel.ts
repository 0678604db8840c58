/**
 * The way to one server: connects when there is an attempt, lets attempts wait in order while there is no connection or
 * no free stream, and connects again after a connection has ended. States: idle -> connecting -> ready -> idle, closed
 * from anywhere. At most one connection takes new calls; others are retired and end with the calls they have, but one
 * that was retired only because it was silent is taken back when it answers. It does not know what a call is made of,
 * only when its attempt gets a stream.
 */
import { Status } from 'nice-grpc-common';
import { type Timer } from '../../base/clock.js';
import { type ConnectionClosed } from '../../transport/transport-error.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import {
  type ConnectAttempt,
  type ConnectHandler,
  type Connector,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from '../stream-transport.js';
import { type TimerQueue } from '../timer-queue.js';
import { type Attempt, type AttemptFailure } from './attempt.js';
import { backoffDelayMs } from './backoff.js';
import { ClientConnection, type ConnectionOwner, failureOf, type Retirement } from './client-connection.js';
import { RttMemory } from './rtt-memory.js';
import { type Upstream } from './upstream.js';
import { WaitingList, type WaitingQuota } from './waiting-list.js';

/** Of the connection to one server. */
export type SubchannelState = 'idle' | 'connecting' | 'ready' | 'closed';

export interface SubchannelOwner {
  readonly writer: UnitWriter;
  readonly timers: TimerQueue;
  readonly environment: RpcEnvironment;
  readonly waitingQuota: WaitingQuota;
  /** There are other servers: attempts that wait for this one are given back when it cannot be connected to. */
  readonly hasOthers: boolean;
  /** Connects although no attempt waits for it. */
  wantsConnection(subchannel: Subchannel): boolean;
  /** `reason`: one line for a person. It may do what it likes: call, and close the subchannel too. */
  onSubchannelState(subchannel: Subchannel, to: SubchannelState, reason: string): void;
  /** It is ready, or has streams again, and none of its own attempts waits. */
  onRoom(subchannel: Subchannel): void;
  /** This attempt waited, and there is no connection for it. */
  onStranded(subchannel: Subchannel, attempt: Attempt, failure: AttemptFailure): void;
}

export class Subchannel implements Upstream, ConnectionOwner {
  readonly writer: UnitWriter;
  readonly timers: TimerQueue;
  readonly environment: RpcEnvironment;
  readonly #owner: SubchannelOwner;
  readonly #connector: Connector;
  readonly #waiting: WaitingList;
  #state: SubchannelState = 'idle';
  #connecting: ConnectAttempt | undefined;
  /** Whose callbacks still count. */
  #handler: ConnectHandler | undefined;
  /** The one that takes new calls. */
  #connection: ClientConnection | undefined;
  /** Those that do not, any more. */
  readonly #retired = new Set<ClientConnection>();
  readonly #rtt = new RttMemory();
  #reconnectTimer: Timer | undefined;
  #failuresInRow = 0;
  #lastFailure: AttemptFailure | undefined;
  #isSilent = false;
  #isDraining = false;

  constructor(owner: SubchannelOwner, connector: Connector) {
    this.#owner = owner;
    this.writer = owner.writer;
    this.timers = owner.timers;
    this.environment = owner.environment;
    this.#connector = connector;
    this.#waiting = new WaitingList(owner.waitingQuota, () => {
      if (!owner.wantsConnection(this)) this.#cancelReconnect();
    });
  }

  get state(): SubchannelState {
    return this.#state;
  }

  /** Why there is none: since it was ready the last time, it could not be connected to. */
  get failure(): AttemptFailure | undefined {
    return this.#lastFailure;
  }

  /** Its last connection fell silent, and it has not been ready since. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** `ip:port`, while there is a connection. */
  get peer(): string | undefined {
    return this.#connection?.transport.peer;
  }

  /** Of the connection, while there is one. */
  stats(): TransportStats | undefined {
    return this.#connection?.transport.stats();
  }

  servers(): readonly never[] {
    return [];
  }

  rebind(): void {
    this.#connection?.transport.rebind?.();
  }

  /** The attempt gets a stream, now or later, or is told why not. */
  start(attempt: Attempt, now: number): void {
    if (this.tryStart(attempt, now) || !this.#waiting.add(attempt)) return;
    if (this.#connection === undefined && this.#handler === undefined)
      this.#connect('a call wants to be sent');
  }

  /** Only if there is a stream now: false if not. */
  tryStart(attempt: Attempt, now: number): boolean {
    const connection = this.#connection;
    return connection !== undefined && this.#mayStart(attempt, connection) && connection.start(attempt, now);
  }

  /** Without an attempt. Does nothing while it has a connection or is getting one. */
  connect(reason: string): void {
    if (this.#needsConnection && !this.#isDraining) this.#connect(reason);
  }

  /** As if it had never been tried. */
  forgetFailure(): void {
    this.#lastFailure = undefined;
  }

  /** Takes no attempt any more, and closes with the last of those that it has. Those that wait are given back. */
  drain(reason: string): void {
    this.#isDraining = true;
    this.#connecting?.cancel();
    this.#endConnecting();
    this.#cancelReconnect();
    if (this.#connection !== undefined) this.#retire(this.#connection, 'leaving', reason);
    else this.#setState('idle', reason);
    this.#strand({ code: Status.UNAVAILABLE, details: reason });
    this.#closeIfDrained();
  }

  /** Ends every attempt with CANCELLED and the connections with it. The promise always resolves. */
  async close(reason: string): Promise<void> {
    const connection = this.#connection;
    const connecting = this.#connecting;
    this.#connection = undefined;
    this.#endConnecting();
    this.#cancelReconnect();
    this.#setState('closed', reason);
    connecting?.cancel();
    for (const attempt of this.#waiting.snapshot()) {
      this.#waiting.remove(attempt);
      attempt.onNoStream({ code: Status.CANCELLED, details: reason });
    }
    connection?.close(reason);
    for (const retired of this.#retired) retired.close(reason);
    this.#retired.clear();
    try {
      await this.#connector.close();
    } catch {
      // What could not be freed is gone with the process; there is nothing that the caller could do about it.
    }
  }

  /** [RPC-11] */
  onHandshakeComplete(connection: ClientConnection): void {
    if (connection === this.#connection) this.#startWaiting();
  }

  onConnectionReady(connection: ClientConnection): void {
    if (connection.isReady) return;
    connection.isReady = true;
    if (connection !== this.#connection) return;
    this.#onConnected(`connected to ${connection.transport.peer}`);
  }

  onStreamsAvailable(connection: ClientConnection): void {
    if (connection === this.#connection) this.#useRoom();
  }

  /** New calls go elsewhere; those it has may still be answered. */
  onConnectionSuspect(connection: ClientConnection, reason: string): void {
    if (connection !== this.#connection) return;
    const { peer } = connection.transport;
    this.#isSilent = true;
    this.#retire(connection, 'suspect', reason);
    if (this.#owner.hasOthers) connection.moveAttempts(`${peer}: ${reason}`);
  }

  /** It is better than any that takes its place: it is there, and its window is open. */
  onConnectionRecovered(connection: ClientConnection): void {
    if (!this.#retired.has(connection) || !connection.unretire()) return;
    this.#retired.delete(connection);
    const successor = this.#connection;
    this.#connecting?.cancel();
    this.#endConnecting();
    this.#cancelReconnect();
    this.#connection = connection;
    if (successor !== undefined) {
      this.#retired.add(successor);
      successor.retire('replaced');
    }
    this.#onConnected(`${connection.transport.peer} answers again`);
  }

  /** [RPC-12] */
  onConnectionLeaving(connection: ClientConnection): void {
    const reason = 'the server wants further calls on another connection';
    if (connection === this.#connection) this.#retire(connection, 'leaving', reason);
  }

  onConnectionClosed(connection: ClientConnection, closed: ConnectionClosed): void {
    this.#rtt.remember(connection.transport.stats(), this.environment.clock.now());
    this.#retired.delete(connection);
    if (connection !== this.#connection) {
      this.#closeIfDrained();
      return;
    }
    this.#connection = undefined;
    const { code, details, retryAfterMs } = failureOf(closed);
    this.#onNoConnection({ code, details, retryAfterMs }, connection.isReady);
  }

  #retire(connection: ClientConnection, why: Retirement, reason: string): void {
    this.#rtt.remember(connection.transport.stats(), this.environment.clock.now());
    this.#connection = undefined;
    this.#retired.add(connection);
    connection.retire(why);
    this.#setState('idle', `${connection.transport.peer}: ${reason}`);
    if (this.#isWanted && this.#needsConnection) this.#connect('calls are waiting');
  }

  get #isWanted(): boolean {
    return !this.#isDraining && (this.#waiting.size > 0 || this.#owner.wantsConnection(this));
  }

  #onConnected(reason: string): void {
    this.#failuresInRow = 0;
    this.#lastFailure = undefined;
    this.#isSilent = false;
    this.#setState('ready', reason);
    this.#useRoom();
  }

  #useRoom(): void {
    this.#startWaiting();
    if (this.#waiting.size === 0 && this.#state === 'ready') this.#owner.onRoom(this);
  }

  /** A listener to the state may have closed the channel, or made a call that has connected it. */
  get #needsConnection(): boolean {
    return this.#state === 'idle' && this.#connection === undefined && this.#handler === undefined;
  }

  #mayStart(attempt: Attempt, { transport }: ClientConnection): boolean {
    const { canSend, isHandshakeComplete } = transport;
    if (!canSend || (attempt.needsHandshake && !isHandshakeComplete)) return false;
    return this.#waiting.firstEligible(transport) === undefined;
  }

  #startWaiting(): void {
    const now = this.environment.clock.now();
    for (;;) {
      const connection = this.#connection;
      const attempt = connection && this.#waiting.firstEligible(connection.transport);
      if (connection === undefined || attempt === undefined) return;
      if (!connection.start(attempt, now)) return;
      this.#waiting.remove(attempt);
    }
  }

  #connect(reason: string): void {
    this.#cancelReconnect();
    const handler: ConnectHandler = {
      onTransport: (transport) => this.#onTransport(handler, transport),
      onFailed: ({ reason: why, isUntrusted = false }) => {
        if (this.#handler !== handler) return;
        this.#endConnecting();
        const code = isUntrusted ? Status.UNAUTHENTICATED : Status.UNAVAILABLE;
        this.#onNoConnection({ code, details: why }, false);
      },
    };
    this.#handler = handler;
    this.#setState('connecting', reason);
    // Who listens to the state may have closed the channel.
    if (this.#handler !== handler) return;
    try {
      const initialRttMs = this.#rtt.initialRttMs(this.environment.clock.now());
      // A connection outlives the handler in which somebody happened to need it first.
      this.#connecting = this.environment.callScope.runDetached(() =>
        this.#connector.connect(handler, { initialRttMs }),
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.environment.clock.soon(() => {
        handler.onFailed({ reason: why });
      });
    }
  }

  #onTransport(handler: ConnectHandler, transport: StreamTransport): StreamListener {
    const connection = new ClientConnection(this, transport);
    if (this.#handler !== handler) {
      connection.close(NOT_WANTED);
      return connection;
    }
    this.#endConnecting();
    this.#connection = connection;
    if (transport.isReady) this.onConnectionReady(connection);
    this.#startWaiting();
    return connection;
  }

  #endConnecting(): void {
    this.#handler = undefined;
    this.#connecting = undefined;
  }

  /** There is none, or none any more: those who wait are told, or wait on for the next. */
  #onNoConnection(failure: AttemptFailure, wasReady: boolean): void {
    if (!wasReady) {
      this.#failuresInRow += 1;
      this.#lastFailure = failure;
    }
    this.#setState('idle', failure.details);
    this.#strand(failure);
    if (!this.#isWanted || !this.#needsConnection) return;
    if (wasReady) this.#connect('calls are waiting');
    else this.#reconnectLater();
  }

  #strand(failure: AttemptFailure): void {
    const { hasOthers } = this.#owner;
    for (const attempt of this.#waiting.snapshot()) {
      if (!attempt.isWaiting || (attempt.owner.waitForReady && !hasOthers)) continue;
      this.#waiting.remove(attempt);
      this.#owner.onStranded(this, attempt, failure);
    }
  }

  #closeIfDrained(): void {
    if (this.#isDraining && this.#retired.size === 0) void this.close('the server is not wanted any more');
  }

  #reconnectLater(): void {
    const { clock, random } = this.environment;
    const delayMs = backoffDelayMs(RECONNECT_BACKOFF, this.#failuresInRow, random);
    this.#cancelReconnect();
    this.#reconnectTimer = clock.setTimer(
      () => {
        this.#reconnectTimer = undefined;
        if (this.#isWanted && this.#needsConnection) this.#connect('calls are waiting');
      },
      delayMs,
      this.#waiting.size > 0,
    );
  }

  #cancelReconnect(): void {
    this.#reconnectTimer?.cancel();
    this.#reconnectTimer = undefined;
  }

  #setState(to: SubchannelState, reason: string): void {
    if (this.#state === to) return;
    this.#state = to;
    this.#owner.onSubchannelState(this, to, reason);
  }
}

/** A connection that has come about although nobody waits for it any more. */
const NOT_WANTED = 'the channel was closed';

/** Between attempts to connect while calls wait for it. */
const RECONNECT_BACKOFF = { initialDelayMs: 100, factor: 2, maxDelayMs: 2_000 };
