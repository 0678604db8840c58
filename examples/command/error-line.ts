/** Any error as one line for a person: the status, what happened, and what can be done about it. */
import { Status } from '../../src/index.js';
import { printable } from '../../src/images/index.js';

/** `where`: the server that was asked, as the user wrote it. */
export function errorLine(error: unknown, where?: string): string {
  const code = codeOf(error);
  // The path of the method says nothing to who uses a command.
  const text = printable(messageOf(error).replace(/^\/\S+ /, ''));
  const place = code === Status.NOT_FOUND && where !== undefined ? ` on ${where}` : '';
  // Some errors of the runtime say themselves what to do.
  return `${text}${place}${text.includes('--') ? '' : hintFor(code)}`;
}

/** The status of errors that have one: of calls, and of what fetching finds wrong itself. */
export function codeOf(error: unknown): Status | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return isStatus(error.code) ? error.code : undefined;
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'number' && value in Status;
}

function messageOf(error: unknown): string {
  return error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error)
    ? String(error.message)
    : String(error);
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
