/** Subscriptions to what is told of calls and connections, with the types of the payloads. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type DiagnosticsEvents } from '../rpc/diagnostics.js';

/** Returns what ends it. */
export function listenTo<Name extends keyof DiagnosticsEvents>(
  name: Name,
  listener: (payload: DiagnosticsEvents[Name]) => void,
): () => void {
  const onMessage = (message: unknown): void => {
    listener(message as DiagnosticsEvents[Name]);
  };
  subscribe(name, onMessage);
  return () => unsubscribe(name, onMessage);
}
