/**
 * Where the qlog of a server or a channel goes: into the directory that its code names, else into the one that the process
 * was started with, so that a program can be looked into that nobody may change.
 */
import { QlogDirectory } from './qlog-directory.js';

/** Its name is in docs/guides/observability.md. */
const VARIABLE = 'UDPRPC_QLOG_DIR';

let hasWarnedOfVariable = false;

/** `directory`: what the code says. Each has an observation of its own, whose end it waits for. */
export function qlogDestination(
  directory: string | undefined,
  warn: (line: string) => void,
): QlogDirectory | undefined {
  if (directory !== undefined) return new QlogDirectory({ directory, warn });
  // Empty is how some shells unset.
  const fromProcess = process.env[VARIABLE] ?? '';
  if (fromProcess === '') return undefined;
  return new QlogDirectory({
    directory: fromProcess,
    warn: (line) => {
      // Whoever has set it needs to read once that it is of no use, and not for each channel.
      if (hasWarnedOfVariable) return;
      hasWarnedOfVariable = true;
      warn(`${VARIABLE}: ${line}`);
    },
  });
}
