/**
 * A file that is only added to, fed by code that must never wait for a disk: what is written is kept in a bounded
 * queue and goes out in large pieces, one at a time. When the queue is full the writer is told so and what it brought
 * is not kept. An error ends the file, is told once and goes no further.
 */
import { close, open, write } from 'node:fs';
import { Buffer } from 'node:buffer';

/** Bytes that wait for the disk, all files that share it together. */
export interface WriteBudget {
  remainingBytes: number;
}

export class LogFile {
  readonly #budget: WriteBudget;
  readonly #onClosed: (error: Error | undefined) => void;
  #fd: number | undefined;
  #queued: string[] = [];
  #queuedBytes = 0;
  #isBusy = true;
  #isEnding = false;
  #isClosed = false;

  /** Truncates what was there. `onClosed` comes exactly once, with the error that ended it. */
  constructor(path: string, budget: WriteBudget, onClosed: (error: Error | undefined) => void) {
    this.#budget = budget;
    this.#onClosed = onClosed;
    open(path, 'w', (error, fd) => {
      if (error !== null) {
        this.#finish(error);
        return;
      }
      this.#fd = fd;
      this.#next();
    });
  }

  /** False when there is no room for it now, or never will be. */
  write(text: string): boolean {
    // Logs are ASCII but for a reason that a peer gave; a few bytes more or less do not matter here.
    if (this.#isEnding || this.#isClosed || text.length > this.#budget.remainingBytes) return false;
    this.#budget.remainingBytes -= text.length;
    this.#queuedBytes += text.length;
    this.#queued.push(text);
    if (!this.#isBusy) {
      this.#isBusy = true;
      // Together with what else is written in this turn.
      setImmediate(() => {
        this.#next();
      });
    }
    return true;
  }

  /** What was written still goes out. Idempotent. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    this.#isBusy = true;
    if (this.#fd === undefined || this.#isClosed) return;
    if (this.#queued.length === 0) {
      if (this.#isEnding) this.#finish(undefined);
      else this.#isBusy = false;
      return;
    }
    const bytes = Buffer.from(this.#queued.join(''));
    const credit = this.#queuedBytes;
    this.#queued = [];
    this.#queuedBytes = 0;
    this.#writeAll(this.#fd, bytes, credit);
  }

  #writeAll(fd: number, bytes: Buffer, credit: number): void {
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null && written < bytes.length) {
        this.#writeAll(fd, bytes.subarray(written), credit);
        return;
      }
      this.#budget.remainingBytes += credit;
      if (error === null) this.#next();
      else this.#finish(error);
    });
  }

  #finish(error: Error | undefined): void {
    this.#isClosed = true;
    this.#budget.remainingBytes += this.#queuedBytes;
    this.#queued = [];
    this.#queuedBytes = 0;
    if (this.#fd === undefined) this.#onClosed(error);
    else
      close(this.#fd, (closeError) => {
        this.#onClosed(error ?? closeError ?? undefined);
      });
  }
}
