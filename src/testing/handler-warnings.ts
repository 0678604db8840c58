/** What a handler throws by mistake is only UNKNOWN to its client; whoever runs the tests must see it. */
import { type Server } from '../rpc/server/server.js';

/** Warns of each `handlerError` with its stack, unless the user listens for himself. Default of `warn`: a warning of the process. */
export function warnOfHandlerErrors(server: Server, warn: (line: string) => void = emitWarning): void {
  server.on('handlerError', ({ path, error }) => {
    if (server.listenerCount('handlerError') > 1) return;
    warn(`${path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  });
}

function emitWarning(line: string): void {
  process.emitWarning(line, 'UdprpcWarning');
}
