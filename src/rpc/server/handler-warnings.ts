/** What a handler throws by mistake is only UNKNOWN to its client; whoever runs the server must hear of it. */
import { type Diagnostics } from '../diagnostics.js';
import { type Server } from './server.js';

/** Warns of each `handlerError`, in one line with its stack, unless the user or a tool listens for it. */
export function warnOfHandlerErrors(
  server: Server,
  diagnostics: Diagnostics,
  warn: (line: string) => void,
): void {
  server.on('handlerError', ({ path, error }) => {
    if (server.listenerCount('handlerError') > 1) return;
    if (diagnostics['udprpc:server.handler.error'].hasSubscribers) return;
    warn(`${path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  });
}
