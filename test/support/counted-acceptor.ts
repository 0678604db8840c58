/** A server's way to its clients that tells what became of all datagrams: those of strangers, and those of connections. */
import { type UdpListening, UdpAcceptor, type UdpAcceptorOptions } from '../../src/driver/udp-acceptor.js';
import { type DropReason, noDrops } from '../../src/transport/connection/connection-stats.js';
import { type StreamListener, type StreamTransport } from '../../src/transport/stream-transport.js';
import { ConnectionWatch } from './connection-watch.js';

export class CountedAcceptor extends UdpAcceptor {
  readonly watch: ConnectionWatch;
  #listening: UdpListening | undefined;

  constructor(options: Omit<UdpAcceptorOptions, 'observation'>) {
    const watch = new ConnectionWatch();
    super({ ...options, observation: watch });
    this.watch = watch;
  }

  override async listen(
    address: string,
    accept: (transport: StreamTransport) => StreamListener,
  ): Promise<UdpListening> {
    this.#listening = await super.listen(address, accept);
    return this.#listening;
  }

  get datagramsReceived(): number {
    return this.#listening?.datagramsReceived ?? 0;
  }

  get connectionCount(): number {
    return this.#listening?.connectionCount ?? 0;
  }

  /** By reason: datagrams for no connection, and packets and datagrams that a connection did not use. */
  get drops(): Record<DropReason, number> {
    const sum = noDrops();
    const all = this.watch.connections.map(({ drops }) => drops);
    for (const drops of [this.#listening?.drops ?? noDrops(), ...all]) {
      for (const [reason, count] of Object.entries(drops)) sum[reason as DropReason] += count;
    }
    return sum;
  }
}

/** Those that are not 0, as a figure to be printed. */
export function dropsText(drops: Record<string, number>): string {
  const told = Object.entries(drops).filter(([, count]) => count > 0);
  return told.length === 0
    ? 'nothing dropped'
    : told.map(([reason, count]) => `${count} ${reason}`).join(', ');
}
