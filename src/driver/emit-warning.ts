/**
 * How a person is told what he should know and did not ask for, where no other way was given: by whoever listens to
 * `udprpc:warning`, or else by a warning of the process.
 */
import { realEnvironment } from './real-environment.js';

export function emitWarning(message: string): void {
  const event = realEnvironment.diagnostics['udprpc:warning'];
  if (event.hasSubscribers) event.publish({ message });
  else process.emitWarning(message, 'UdprpcWarning');
}
