/**
 * What is told of one call of a server, to its listeners and to tools: that it came, how it ended, and what its handler
 * threw that was no answer.
 */
import { type EventSubject, identityOf } from '../diagnostics.js';
import { type RequestHeader } from '../framing/request-header.js';
import { type ServerConnection } from './server-connection.js';
import { type CallEnd } from './server-runtime.js';

export type CallOutcome = Pick<CallEnd, 'code' | 'details' | 'wasStarted'> & {
  readonly receivedAt: number;
  readonly isServed: boolean;
};

/** Costs nothing while nobody listens. */
export function reportCallStart(
  call: EventSubject,
  connection: ServerConnection,
  header: RequestHeader,
  isServed: boolean,
): void {
  const event = connection.runtime.environment.diagnostics['udprpc:server.call.start'];
  if (!event.hasSubscribers) return;
  const { path, peer, requestId } = namesOf(connection, header);
  event.publish({ call: identityOf(call), path, isServed, peer, requestId });
}

/** Costs one addition while nobody listens. */
export function reportCallEnd(
  call: EventSubject,
  connection: ServerConnection,
  header: RequestHeader,
  outcome: CallOutcome,
): void {
  const { observer, environment, tally } = connection.runtime;
  tally.onCallEnd(outcome.code);
  const event = environment.diagnostics['udprpc:server.call.end'];
  if (!observer.wantsCallEnd && !event.hasSubscribers) return;
  const { code, details, wasStarted, receivedAt, isServed } = outcome;
  const durationMs = environment.clock.now() - receivedAt;
  const { path, peer, requestId } = namesOf(connection, header);
  if (observer.wantsCallEnd) {
    observer.onCallEnd({ path, peer, requestId, code, details, durationMs, wasStarted });
  }
  if (!event.hasSubscribers) return;
  const identity = identityOf(call);
  event.publish({ call: identity, path, isServed, peer, requestId, code, details, durationMs, wasStarted });
}

export function reportHandlerError(
  call: EventSubject,
  connection: ServerConnection,
  header: RequestHeader,
  error: unknown,
): void {
  const { observer, environment } = connection.runtime;
  const names = namesOf(connection, header);
  const event = environment.diagnostics['udprpc:server.handler.error'];
  if (event.hasSubscribers) event.publish({ call: identityOf(call), ...names, error });
  observer.onHandlerError({ ...names, error });
}

function namesOf(
  connection: ServerConnection,
  header: RequestHeader,
): Pick<CallEnd, 'path' | 'peer' | 'requestId'> {
  return {
    path: `/${header.path}`,
    peer: connection.transport.peer,
    requestId: connection.clientOf(header.clientInstance).requestId(header.sequence),
  };
}
