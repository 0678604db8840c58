/** What is said of each event, and how serious it is. Undefined: nothing, as the call went well. */
import { type DiagnosticsEvents, Status } from '../index.js';
import { type LogFields, type LogLevel } from './log-record.js';

export interface Description {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export type Descriptions = {
  readonly [Name in keyof DiagnosticsEvents]?: (payload: DiagnosticsEvents[Name]) => Description | undefined;
};

/** `withCalls`: also calls that went well, and attempts that were made again. */
export function descriptionsOf(withCalls: boolean): Descriptions {
  return {
    'udprpc:connection.open': ({ side, peer, isSecure }) => ({
      level: 'debug',
      message: `connection ${side === 'client' ? 'to' : 'of'} ${peer} begins`,
      fields: { side, peer, isSecure },
    }),
    'udprpc:connection.close': connectionClosed,
    'udprpc:channel.state': ({ target, from, to, reason }) => ({
      level: to === 'ready' ? 'info' : 'debug',
      message: `channel to ${target} is ${to}: ${reason}`,
      fields: { target, from, to, reason },
    }),
    'udprpc:channel.server': ({ target, address, to, reason }) => ({
      level: to === 'ejected' ? 'warn' : 'debug',
      message: `server ${address} of ${target} is ${to}: ${reason}`,
      fields: { target, address, to, reason },
    }),
    'udprpc:channel.resolver.error': ({ target, reason }) => ({
      level: 'warn',
      message: `the servers of ${target} could not be found out: ${reason}`,
      fields: { target, reason },
    }),
    'udprpc:client.call.end': ({ path, target, code, details, durationMs, attempts }) => {
      if (code === Status.OK && !withCalls) return undefined;
      const fields = { path, target, code: Status[code], details, durationMs, attempts };
      return { level: levelOf(code), message: `${path} of ${target}: ${statusText(code, details)}`, fields };
    },
    ...(withCalls && {
      'udprpc:client.attempt.end': ({ path, target, attempt, peer, code, details, durationMs, rttMs }) => ({
        level: 'debug',
        message: `${path} of ${target}, attempt ${attempt}: ${statusText(code, details)}`,
        fields: { path, target, attempt, peer, code: Status[code], details, durationMs, rttMs },
      }),
    }),
    'udprpc:server.call.end': ({ path, peer, requestId, code, details, durationMs, wasStarted }) => {
      if (code === Status.OK && !withCalls) return undefined;
      const fields = { path, peer, requestId, code: Status[code], details, durationMs, wasStarted };
      return { level: levelOf(code), message: `${path} for ${peer}: ${statusText(code, details)}`, fields };
    },
    'udprpc:server.handler.error': ({ path, peer, requestId, error }) => ({
      level: 'error',
      message: `${path} failed: ${error instanceof Error ? error.message : String(error)}`,
      fields: { path, peer, requestId, error },
    }),
    'udprpc:warning': ({ message }) => ({ level: 'warn', message, fields: {} }),
  } satisfies Descriptions;
}

function connectionClosed(close: DiagnosticsEvents['udprpc:connection.close']): Description {
  const { side, peer, isSecure, by, reason, wasReady, isViolation, durationMs, stats } = close;
  const { smoothedRttMs, bytesSent, bytesReceived, packetsLost } = stats;
  return {
    level: wasReady && !isViolation ? 'info' : 'warn',
    message: `${wasReady ? 'connection' : 'handshake'} with ${peer} ended: ${reason}`,
    fields: {
      ...{ side, peer, isSecure, by, reason, wasReady, isViolation, durationMs },
      ...{ smoothedRttMs, bytesSent, bytesReceived, packetsLost },
    },
  };
}

function statusText(code: Status, details: string): string {
  return details === '' ? Status[code] : `${Status[code]}, ${details}`;
}

/** What somebody should look after, and not what a caller did or wanted. */
const SERIOUS: ReadonlySet<Status> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.RESOURCE_EXHAUSTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

function levelOf(code: Status): LogLevel {
  if (code === Status.OK) return 'debug';
  return SERIOUS.has(code) ? 'warn' : 'info';
}
