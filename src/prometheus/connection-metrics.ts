/**
 * What is counted of connections: how many are open, and their traffic. That of the open ones is asked for when somebody
 * asks for the metrics, and not before.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { type DiagnosticsEvents, type TransportStats } from '../index.js';
import { type MetricNaming } from './call-metrics.js';

type Open = DiagnosticsEvents['udprpc:connection.open'];
type Close = DiagnosticsEvents['udprpc:connection.close'];
type Side = Open['side'];

const TRAFFIC = {
  datagramsSent: ['datagrams_sent_total', 'Datagrams sent.'],
  datagramsReceived: ['datagrams_received_total', 'Datagrams received.'],
  packetsLost: ['packets_lost_total', 'Packets sent and taken for lost: a datagram has one, but for hellos.'],
} as const satisfies Partial<Record<keyof TransportStats, readonly [name: string, help: string]>>;

type Counted = keyof typeof TRAFFIC;
const COUNTED = Object.keys(TRAFFIC) as Counted[];

export class ConnectionMetrics {
  readonly names: string[] = [];
  readonly #open = new Map<
    object,
    { side: Side; sample: () => TransportStats; told: Partial<Record<Counted, number>> }
  >();
  readonly #connections: Gauge<'side'>;
  readonly #closed: Counter<'side' | 'by'>;
  readonly #traffic: Record<Counted, Counter<'side'>>;

  constructor({ registers, prefix }: MetricNaming) {
    const named = (name: string, help: string): { name: string; help: string; registers: Registry[] } => {
      this.names.push(prefix + name);
      return { name: prefix + name, help, registers };
    };
    this.#connections = new Gauge({
      ...named('connections', 'Connections open now, those whose handshake is not over included.'),
      labelNames: ['side'],
    });
    this.#closed = new Counter({
      ...named('connections_closed_total', 'Connections ended, by who or what has ended them.'),
      labelNames: ['side', 'by'],
    });
    const counter = (of: Counted): Counter<'side'> =>
      new Counter({
        ...named(TRAFFIC[of][0], TRAFFIC[of][1]),
        labelNames: ['side'],
        collect: () => {
          this.#sampleAll(of);
        },
      });
    this.#traffic = {
      datagramsSent: counter('datagramsSent'),
      datagramsReceived: counter('datagramsReceived'),
      packetsLost: counter('packetsLost'),
    };
  }

  onOpen({ connection, side, sample }: Open): void {
    this.#open.set(connection, { side, sample, told: {} });
    this.#connections.inc({ side });
  }

  onClose({ connection, side, by, stats }: Close): void {
    this.#closed.inc({ side, by });
    const open = this.#open.get(connection);
    if (open === undefined) return;
    this.#open.delete(connection);
    this.#connections.dec({ side });
    for (const of of COUNTED) this.#add(of, open.side, open.told, stats);
  }

  #sampleAll(of: Counted): void {
    for (const { side, sample, told } of this.#open.values()) this.#add(of, side, told, sample());
  }

  /** What has come since it was told the last time. */
  #add(of: Counted, side: Side, told: Partial<Record<Counted, number>>, stats: TransportStats): void {
    this.#traffic[of].inc({ side }, stats[of] - (told[of] ?? 0));
    told[of] = stats[of];
  }
}
