/** An error of a call to an image server as one line: the status, what happened, and what can be done about it. */
import { errorLine } from '../../src/command/error-line.js';
import { Status } from '../../src/index.js';
import { inFlags } from '../../src/command/tls-flags.js';

/** `where`: the server that was asked, as the user wrote it. */
export function callErrorLine(error: unknown, where: string): string {
  const code = codeOf(error);
  const text = inFlags(errorLine(error));
  const place = code === Status.NOT_FOUND ? ` on ${where}` : '';
  // Some errors of the runtime say themselves what to do.
  return `${text}${place}${/--|: use udps?:/.test(text) ? '' : hintFor(code)}`;
}

/** The status of errors that have one: of calls, and of what fetching finds wrong itself. */
export function codeOf(error: unknown): Status | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return isStatus(error.code) ? error.code : undefined;
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'number' && value in Status;
}

function hintFor(code: Status | undefined): string {
  switch (code) {
    case Status.NOT_FOUND:
      return ' (--list shows what is there)';
    case Status.UNAVAILABLE:
      return ' (is an image server running there?)';
    case Status.DEADLINE_EXCEEDED:
      return ' (is an image server running there? --timeout waits longer)';
    case Status.UNIMPLEMENTED:
      return ' (what answers there is not an image server)';
    default:
      return '';
  }
}
