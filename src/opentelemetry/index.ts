/**
 * `udprpc/opentelemetry`: metrics of all calls and connections of the process, by what they tell on `node:diagnostics_channel`, for
 * the SDK of OpenTelemetry, whose `@opentelemetry/api` whoever imports this installs. By its semantic conventions for RPC; traces are of
 * nice-grpc-opentelemetry.
 *
 * @module
 */
import { type Attributes, type Meter, metrics as api } from '@opentelemetry/api';
import { listenTo } from '../driver/listen-to-events.js';
import { Status } from '../index.js';
import { methodAttributes, serverAttributes, statusAttributes } from './attributes.js';

/** Where metrics go. */
export interface MetricsOptions {
  /** Default: that of the global MeterProvider, which has to be registered before. */
  readonly meter?: Meter | undefined;
}

/** What `collectMetrics` gives. */
export interface Metrics {
  /** Counts no more. Idempotent. */
  stop(): void;
}

/**
 * Counts from now on: call it before channels and servers are made, once for a meter. `rpc.client.call.duration` and
 * `rpc.server.call.duration` are histograms in seconds, `udprpc.client.attempts` counts attempts by status, and
 * `udprpc.connections` those that are open, by side.
 */
export function collectMetrics({ meter = api.getMeter('udprpc') }: MetricsOptions = {}): Metrics {
  const duration = (side: 'client' | 'server') =>
    meter.createHistogram(`rpc.${side}.call.duration`, {
      description: `How long calls took, ${side} side.`,
      unit: 's',
      advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
    });
  const clientDuration = duration('client');
  const serverDuration = duration('server');
  const attempts = meter.createCounter('udprpc.client.attempts', {
    description: 'Attempts of calls ended: more than calls where there were retries and hedges.',
    unit: '{attempt}',
  });
  const connections = meter.createUpDownCounter('udprpc.connections', {
    description: 'Connections open now, those whose handshake is not over included.',
    unit: '{connection}',
  });
  /** One that was open before we listened is not counted, and its end neither. */
  const open = new WeakSet();
  const sideOf = (side: string): Attributes => ({ 'udprpc.side': side });
  const stops = [
    listenTo('udprpc:client.call.end', ({ path, target, code, durationMs }) => {
      const attributes = {
        ...methodAttributes(path),
        ...serverAttributes(target),
        ...statusAttributes(code, isNotOk(code)),
      };
      clientDuration.record(durationMs / 1_000, attributes);
    }),
    listenTo('udprpc:server.call.end', ({ path, isServed, code, durationMs }) => {
      const method = methodAttributes(isServed ? path : undefined);
      serverDuration.record(durationMs / 1_000, {
        ...method,
        ...statusAttributes(code, SERVER_ERRORS.has(code)),
      });
    }),
    listenTo('udprpc:client.attempt.end', ({ path, code }) => {
      attempts.add(1, { ...methodAttributes(path), ...statusAttributes(code, isNotOk(code)) });
    }),
    listenTo('udprpc:connection.open', ({ connection, side }) => {
      open.add(connection);
      connections.add(1, sideOf(side));
    }),
    listenTo('udprpc:connection.close', ({ connection, side }) => {
      if (open.delete(connection)) connections.add(-1, sideOf(side));
    }),
  ];
  return {
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function isNotOk(code: Status): boolean {
  return code !== Status.OK;
}

/** What a server is to blame for, by the conventions for gRPC. */
const SERVER_ERRORS: ReadonlySet<Status> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.UNIMPLEMENTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

/** As the conventions advise. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
