/** Any error as one line for a person: its message, without what could steer a terminal. */
import { printable } from '../base/printable.js';

export function errorLine(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return printable(String(error));
  const message = String(error.message);
  // The path of the method, at the start of a call's error, says nothing to who uses a command.
  const path = 'path' in error ? `${String(error.path)} ` : '';
  return printable(message.startsWith(path) ? message.slice(path.length) : message);
}
