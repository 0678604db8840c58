/** Between what is to be said and the user's logger: a line that is fit to be read, and a logger whose faults stay its own. */
import { printable } from '../base/printable.js';
import { type DiagnosticsEvents } from '../index.js';
import { type Description } from './descriptions.js';
import { type LogRecord } from './log-record.js';

export class LogWriter {
  readonly #write: (record: LogRecord) => unknown;
  #hasThrown = false;

  constructor(write: (record: LogRecord) => unknown) {
    this.#write = write;
  }

  /** Never throws. `suppressedCount`: see `LogRecord.fields`. */
  log(event: keyof DiagnosticsEvents, description: Description, suppressedCount: number): void {
    const { level, message, fields } = description;
    try {
      const written = this.#write({
        ...{ level, event, message: printable(message).slice(0, MAX_MESSAGE_LENGTH) },
        fields: suppressedCount === 0 ? fields : { ...fields, suppressedCount },
      });
      if (written instanceof Promise) written.catch(this.#onThrown);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  readonly #onThrown = (error: unknown): void => {
    if (this.#hasThrown) return;
    this.#hasThrown = true;
    process.emitWarning(`what logEvents writes to has thrown: ${String(error)}`, 'UdprpcWarning');
  };
}

const MAX_MESSAGE_LENGTH = 500;
