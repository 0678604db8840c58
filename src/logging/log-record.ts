/** What a logger is given. */
import { type DiagnosticsEvents } from '../index.js';

/** As the loggers of npm have them. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What stands beside the message, flat: strings, numbers and booleans, with the unit last in the name; of errors the error. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One thing that has happened. */
export interface LogRecord {
  readonly level: LogLevel;
  /** The name of the event on `node:diagnostics_channel` that it comes from. */
  readonly event: keyof DiagnosticsEvents;
  /** One line for a person, fit for a terminal, at most 500 characters. */
  readonly message: string;
  /**
   * With `suppressedCount` where so many records of this event were left out before it, because there were more in a second
   * than `maxRecordsPerSecond`.
   */
  readonly fields: LogFields;
}
