/** What a handler throws by mistake is only UNKNOWN to its client; whoever runs the server must hear of it. */
import { type Server } from './server.js';

/** Warns of each `handlerError`, in one line with its stack, unless the user listens for himself. */
export function warnOfHandlerErrors(server: Server, warn: (line: string) => void): void {
  server.on('handlerError', ({ path, error }) => {
    if (server.listenerCount('handlerError') > 1) return;
    warn(`${path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  });
}
