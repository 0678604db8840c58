/**
 * What the server's listeners are told of one call: how it ended, and what its handler threw that was no answer.
 */
import { type RequestHeader } from '../framing/request-header.js';
import { type ServerConnection } from './server-connection.js';
import { type CallEnd } from './server-runtime.js';

export type CallOutcome = Pick<CallEnd, 'code' | 'details' | 'wasStarted'> & { readonly receivedAt: number };

/** Costs nothing while nobody listens. */
export function reportCallEnd(
  connection: ServerConnection,
  header: RequestHeader,
  outcome: CallOutcome,
): void {
  const { observer, environment } = connection.runtime;
  if (!observer.wantsCallEnd) return;
  const { code, details, wasStarted, receivedAt } = outcome;
  const durationMs = environment.clock.now() - receivedAt;
  observer.onCallEnd({ ...namesOf(connection, header), code, details, durationMs, wasStarted });
}

export function reportHandlerError(
  connection: ServerConnection,
  header: RequestHeader,
  error: unknown,
): void {
  connection.runtime.observer.onHandlerError({ ...namesOf(connection, header), error });
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
