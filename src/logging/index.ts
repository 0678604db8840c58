/**
 * `udprpc/logging`: what a process' servers and channels do, as records for whatever logger it has. They come from the events
 * on `node:diagnostics_channel`, so that nothing is passed around, and nothing is spent where nobody logs.
 *
 * @module
 */
import { checkNumbers } from '../base/number-options.js';
import { listenTo } from '../driver/listen-to-events.js';
import { type DiagnosticsEvents } from '../index.js';
import { type Description, descriptionsOf } from './descriptions.js';
import { type LogRecord } from './log-record.js';
import { LogWriter } from './log-writer.js';
import { RecordLimit } from './record-limit.js';

export { type LogFields, type LogLevel, type LogRecord } from './log-record.js';

/** What is logged. */
export interface LogOptions {
  /** `failed`: calls that ended in another status than OK. `all`: every call, and each attempt. Default `failed`. */
  readonly calls?: 'failed' | 'all' | undefined;
  /** Of each event. Default 100; Infinity: no limit. */
  readonly maxRecordsPerSecond?: number | undefined;
}

/** What `logEvents` gives. */
export interface EventLog {
  /** Logs no more. Idempotent. */
  stop(): void;
}

/**
 * Logs from now on: `logEvents(({ level, message, event, fields }) => logger[level]({ event, ...fields }, message))`. What
 * `write` throws is told once, as a warning of the process, and harms nothing. Throws RangeError.
 */
export function logEvents(write: (record: LogRecord) => void, options: LogOptions = {}): EventLog {
  const { calls = 'failed', maxRecordsPerSecond = 100 } = options;
  checkNumbers(options, { maxRecordsPerSecond: { min: 1 } });
  const writer = new LogWriter(write);
  const follow = (event: keyof DiagnosticsEvents, describe: Describe): (() => void) => {
    const limit = new RecordLimit(maxRecordsPerSecond);
    return listenTo(event, (payload) => {
      const description = describe(payload as never);
      if (description === undefined) return;
      const suppressedCount = limit.take(performance.now());
      if (suppressedCount !== undefined) writer.log(event, description, suppressedCount);
    });
  };
  const stops = Object.entries(descriptionsOf(calls === 'all')).map(([event, describe]) =>
    follow(event as keyof DiagnosticsEvents, describe),
  );
  return {
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

type Describe = (payload: never) => Description | undefined;
