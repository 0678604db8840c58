/** What is told of one connection, of either side: that it opened, and how it ended. */
import { type ConnectionClosed, TransportErrorCode } from '../transport/transport-error.js';
import { type ConnectionOpen, type EventSubject, identityOf } from './diagnostics.js';
import { CloseCode } from './framing/reset-code.js';
import { type RpcEnvironment } from './rpc-environment.js';
import { type StreamTransport } from './stream-transport.js';

export class ConnectionReport implements EventSubject {
  identity: object | undefined;
  readonly #environment: RpcEnvironment;
  readonly #side: ConnectionOpen['side'];
  readonly #transport: StreamTransport;
  readonly #openedAt: number;
  #wasReady: boolean;

  constructor(environment: RpcEnvironment, side: ConnectionOpen['side'], transport: StreamTransport) {
    this.#environment = environment;
    this.#side = side;
    this.#transport = transport;
    this.#openedAt = environment.clock.now();
    this.#wasReady = transport.isReady;
    const event = environment.diagnostics['udprpc:connection.open'];
    if (event.hasSubscribers) event.publish({ ...this.#facts(), sample: () => transport.stats() });
  }

  onReady(): void {
    this.#wasReady = true;
  }

  onClosed(closed: ConnectionClosed): void {
    const { diagnostics, clock } = this.#environment;
    const event = diagnostics['udprpc:connection.close'];
    if (!event.hasSubscribers) return;
    event.publish({
      ...this.#facts(),
      by: closed.by,
      reason: closed.reason,
      wasReady: this.#wasReady,
      isViolation: isViolation(closed),
      durationMs: clock.now() - this.#openedAt,
      stats: this.#transport.stats(),
    });
  }

  #facts(): Omit<ConnectionOpen, 'sample'> {
    const { peer, isSecure } = this.#transport;
    return { connection: identityOf(this), side: this.#side, peer, isSecure };
  }
}

function isViolation({ by, code, isApplication }: ConnectionClosed): boolean {
  if (by !== 'local' && by !== 'peer') return false;
  return isApplication ? code === CloseCode.CANCEL_FLOOD : code !== TransportErrorCode.NO_ERROR;
}
