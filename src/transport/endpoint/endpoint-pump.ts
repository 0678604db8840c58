/**
 * Turns the core's verbs into motion: hands datagrams in, tells listeners what happened, sends what is ready, and keeps
 * one timer. Both drivers use it, with their own clock and their own way to send; it knows no socket.
 * A write leaves at the end of the turn, together with what else is written in it; with nothing in flight on its
 * connection it leaves as soon as the running code returns, and what makes a datagram full leaves at once, because there
 * is nothing to wait for. A read always waits for the end of the turn: a receiver has nothing in flight, and would else
 * flush once for each datagram.
 */
import { type Clock, type Timer } from '../../base/clock.js';
import { type Connection } from '../connection/connection.js';
import { type ConnectionEvent } from '../connection/connection-event.js';
import { type Transmit } from '../connection/transmit.js';
import { type Address } from '../path/path.js';
import { type StreamListener } from '../stream-transport.js';
import { ConnectionTransport, type FlushRequests } from './connection-transport.js';
import { Endpoint, type EndpointConfig, type EndpointMeans } from './endpoint.js';

export interface PumpOptions {
  readonly config: EndpointConfig;
  readonly means: Omit<EndpointMeans, 'onHandshakeWake' | 'onBufferRoom'>;
  readonly clock: Clock;
  /** Sends; the Transmit is the callee's until it calls `release` of the pump. */
  send(transmit: Transmit): void;
  /** Who listens to a connection that a client made. Only servers are asked. */
  accept?(transport: ConnectionTransport): StreamListener;
  /** A connection closed so long ago that nothing of it can still be under way. */
  onForgotten?(transport: ConnectionTransport): void;
}

export class EndpointPump implements FlushRequests {
  readonly endpoint: Endpoint;
  readonly #options: PumpOptions;
  readonly #clock: Clock;
  readonly #transports = new Map<Connection, ConnectionTransport>();
  readonly #flushBound = (): void => {
    this.#isFlushScheduled = false;
    if (this.#isFlushWanted) this.flush();
  };
  readonly #flushSoonBound = (): void => {
    this.#isFlushSoonScheduled = false;
    if (this.#isFlushWanted) this.flush();
  };
  readonly #onTimerBound = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (this.#isStopped) return;
    this.endpoint.handleTimeout(this.#clock.now());
    this.flush();
  };
  #isFlushScheduled = false;
  #isFlushSoonScheduled = false;
  /** Something has come up since the last flush: one that was scheduled before it has nothing more to do. */
  #isFlushWanted = false;
  #isFlushing = false;
  #flushCount = 0;
  #isStopped = false;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.endpoint = new Endpoint(options.config, {
      ...options.means,
      onBufferRoom: () => {
        this.#scheduleFlush();
      },
      onHandshakeWake: (connection) => {
        this.#clock.soon(() => {
          if (this.#isStopped) return;
          this.endpoint.handleHandshake(connection, this.#clock.now());
          this.#dispatchEvents();
          this.#scheduleFlush();
        });
      },
    });
  }

  /** Starts a connection; its first flight leaves at the end of the turn, so that whoever is handed it can write to it. */
  connect(remote: Address, local: number): ConnectionTransport {
    const connection = this.endpoint.connect(remote, local, this.#clock.now());
    const transport = this.#transportOf(connection);
    this.requestLateFlush(connection);
    return transport;
  }

  /**
   * A datagram came in. Its events are told at once; what they cause to be sent leaves at the end of the turn. Returns
   * whether its memory is free.
   */
  handleDatagram(bytes: Uint8Array, remote: Address, local: number): boolean {
    if (this.#isStopped) return false;
    const isFree = this.endpoint.handleDatagram(bytes, remote, local, this.#clock.now());
    this.#dispatchEvents();
    this.#scheduleFlush();
    return isFree;
  }

  /** [MTU-7] The system refused to send this for its size; undefined: something that was sent before. */
  handleTooLarge(refused: Transmit | undefined): void {
    if (this.#isStopped) return;
    this.endpoint.handleTooLarge(refused);
    this.#scheduleFlush();
  }

  /** A client's datagrams leave from another socket from now on. */
  handleRebinding(isSameHost: boolean): void {
    if (this.#isStopped) return;
    this.endpoint.handleRebinding(isSameHost, this.#clock.now());
    this.flush();
  }

  /** Gives a sent Transmit's memory back. */
  release(transmit: Transmit): void {
    this.endpoint.release(transmit);
  }

  /** Sends what is ready now and sets the timer. */
  flush(): void {
    if (this.#isStopped || this.#isFlushing) return;
    this.#isFlushing = true;
    this.#isFlushWanted = false;
    this.#flushCount++;
    const now = this.#clock.now();
    let sentCount = 0;
    for (;;) {
      this.#dispatchEvents();
      const transmit = sentCount < MAX_DATAGRAMS_PER_TURN ? this.endpoint.pollTransmit(now) : undefined;
      if (transmit === undefined) break;
      sentCount++;
      this.#options.send(transmit);
    }
    this.#dispatchEvents();
    this.#isFlushing = false;
    if (sentCount >= MAX_DATAGRAMS_PER_TURN) this.#scheduleFlush();
    this.#setTimer(now);
  }

  requestFlush(connection: Connection): void {
    this.endpoint.touch(connection);
    if (connection.bytesInFlight > 0) {
      this.#scheduleFlush();
    } else {
      this.#isFlushWanted = true;
      if (this.#isFlushSoonScheduled) return;
      this.#isFlushSoonScheduled = true;
      this.#clock.soon(this.#flushSoonBound);
    }
  }

  requestLateFlush(connection: Connection): void {
    this.endpoint.touch(connection);
    this.#scheduleFlush();
  }

  onWritten(transport: ConnectionTransport, bytes: number): void {
    this.requestFlush(transport.connection);
    if (transport.writtenSince !== this.#flushCount) {
      transport.writtenSince = this.#flushCount;
      transport.writtenBytes = 0;
    }
    transport.writtenBytes += bytes;
    if (transport.writtenBytes >= EARLY_BYTES && !this.#isFlushing) this.#sendEarly(transport);
  }

  /** No more events, datagrams or timers. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.endpoint.stop(this.#clock.now());
    this.#timer?.cancel();
    this.#timer = undefined;
    this.endpoint.discard();
  }

  /**
   * Only sends: whoever writes is told of nothing meanwhile. What is less than a datagram's worth stays for the flush, and
   * so does what the gates hold back.
   */
  #sendEarly(transport: ConnectionTransport): void {
    const { connection } = transport;
    // The first flight is one datagram, padded.
    if (this.#isStopped || !connection.isReady) return;
    const now = this.#clock.now();
    while (transport.writtenBytes >= EARLY_BYTES) {
      const transmit = connection.pollTransmit(now);
      if (transmit === undefined) {
        transport.writtenBytes = -Infinity;
        return;
      }
      transport.writtenBytes -= transmit.length;
      this.#options.send(transmit);
    }
  }

  #transportOf(connection: Connection): ConnectionTransport {
    let transport = this.#transports.get(connection);
    if (transport === undefined) {
      transport = new ConnectionTransport(connection, this.#clock, this);
      this.#transports.set(connection, transport);
    }
    return transport;
  }

  #scheduleFlush(): void {
    this.#isFlushWanted = true;
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#clock.atEndOfTurn(this.#flushBound);
  }

  #dispatchEvents(): void {
    for (let next = this.endpoint.pollEvent(); next !== undefined; next = this.endpoint.pollEvent()) {
      const transport = this.#transportOf(next.connection);
      switch (next.kind) {
        case 'accepted':
          transport.listener = this.#options.accept?.(transport);
          break;
        case 'connection':
          if (transport.listener !== undefined) tell(transport.listener, next.event);
          break;
        case 'forgotten':
          this.#transports.delete(next.connection);
          this.#options.onForgotten?.(transport);
          break;
      }
    }
  }

  /** An earlier timer than needed is left alone: it finds nothing to do and sets the next one. */
  #setTimer(now: number): void {
    const deadline = this.endpoint.pollTimeout();
    if (deadline >= this.#timerAt && deadline !== Infinity) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = deadline;
    if (deadline === Infinity) return;
    this.#timer = this.#clock.setTimer(this.#onTimerBound, Math.max(0, deadline - now), false);
  }
}

function tell(listener: StreamListener, event: ConnectionEvent): void {
  switch (event.kind) {
    case 'handshakeComplete':
      listener.onHandshakeComplete?.();
      return;
    case 'ready':
      listener.onReady();
      return;
    case 'streamsAvailable':
      listener.onStreamsAvailable();
      return;
    case 'streamOpened':
      listener.onStreamOpened(event.streamId, event.isFirstFlight);
      return;
    case 'streamReadable':
      listener.onStreamReadable(event.streamId);
      return;
    case 'streamWritable':
      listener.onStreamWritable(event.streamId);
      return;
    case 'streamReset':
      listener.onStreamReset(event.streamId, event.code);
      return;
    case 'streamStopped':
      listener.onStreamStopped(event.streamId, event.code);
      return;
    case 'suspect':
      listener.onSuspect?.(event.reason);
      return;
    case 'recovered':
      listener.onRecovered?.();
      return;
    case 'closed':
      listener.onClosed(event.closed);
  }
}

/**
 * A write that makes it so much leaves at once, lest the peer wait for the end of a turn that has much to do: with 64 calls
 * in flight all of them were in one datagram, and client and server took turns on a machine where both could run.
 */
const EARLY_BYTES = 1_200;
/** What one turn of the event loop may send before it lets others have a go. */
const MAX_DATAGRAMS_PER_TURN = 256;
