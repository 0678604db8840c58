/** What is counted of calls on one side, and of the attempts of clients. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { Status } from '../index.js';

export interface MetricNaming {
  readonly registers: Registry[];
  readonly prefix: string;
  readonly durationBuckets: readonly number[];
}

export class CallMetrics {
  readonly names: string[] = [];
  readonly #started: Counter<'method'>;
  readonly #handled: Counter<'method' | 'code'>;
  readonly #duration: Histogram<'method'>;
  readonly #inFlight: Gauge<'method'>;
  /** Counted in `inFlight`: a call that began before we listened is not. */
  readonly #open = new WeakSet();

  constructor(naming: MetricNaming, side: 'client' | 'server') {
    const { registers, prefix, durationBuckets } = naming;
    const named = <Label extends string>(
      name: string,
      help: string,
      labelNames: Label[],
    ): { name: string; help: string; labelNames: Label[]; registers: Registry[] } => {
      this.names.push(`${prefix}${side}_${name}`);
      return { name: `${prefix}${side}_${name}`, help, labelNames, registers };
    };
    this.#started = new Counter(named('calls_started_total', `Calls begun, ${side} side.`, ['method']));
    this.#handled = new Counter(
      named('calls_handled_total', `Calls ended, by status, ${side} side.`, ['method', 'code']),
    );
    this.#duration = new Histogram({
      ...named('call_duration_seconds', `How long calls took, ${side} side.`, ['method']),
      buckets: [...durationBuckets],
    });
    this.#inFlight = new Gauge(named('calls_in_flight', `Calls open now, ${side} side.`, ['method']));
  }

  onStart(call: object, method: string): void {
    this.#open.add(call);
    this.#started.inc({ method });
    this.#inFlight.inc({ method });
  }

  onEnd(call: object, method: string, code: Status, durationMs: number): void {
    if (this.#open.delete(call)) this.#inFlight.dec({ method });
    this.#handled.inc({ method, code: Status[code] });
    this.#duration.observe({ method }, durationMs / 1_000);
  }
}

export class AttemptMetrics {
  readonly names: string[] = [];
  readonly #ended: Counter<'method' | 'code'>;
  readonly #rtt: Histogram;

  constructor({ registers, prefix }: MetricNaming) {
    const [ended, rtt] = [`${prefix}client_attempts_total`, `${prefix}client_rtt_seconds`];
    this.names.push(ended, rtt);
    this.#ended = new Counter({
      name: ended,
      help: 'Attempts of calls ended, by status: more than calls where there were retries and hedges.',
      labelNames: ['method', 'code'],
      registers,
    });
    this.#rtt = new Histogram({
      name: rtt,
      help: 'Smoothed round-trip time of the connection at the end of each attempt.',
      buckets: RTT_BUCKETS,
      registers,
    });
  }

  onEnd(method: string, code: Status, rttMs: number | undefined): void {
    this.#ended.inc({ method, code: Status[code] });
    if (rttMs !== undefined) this.#rtt.observe(rttMs / 1_000);
  }
}

/** From one machine to a satellite. */
const RTT_BUCKETS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
