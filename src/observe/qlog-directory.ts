/**
 * A directory of qlog files, one for each connection, named as QUIC tools name them: `<original destination ID>_<role>.sqlog`.
 * Whatever goes wrong with the disk never harms a connection: it is told in one line, once, and logging goes on where
 * it can.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  type ConnectionFacts,
  type ConnectionObserver,
} from '../transport/connection/connection-observer.js';
import { type Address } from '../transport/path/path.js';
import { LogFile, type WriteBudget } from './log-file.js';
import { hex } from './qlog-frames.js';
import { QlogTrace } from './qlog-trace.js';

export interface QlogDirectoryOptions {
  /** Made, with its parents, when it is not there. */
  readonly directory: string;
  /** Gets one line when something cannot be written. */
  readonly warn: (line: string) => void;
  /** Bytes that may wait for the disk, all connections together; what is more is dropped, and its file says so. Default 16 MiB. */
  readonly maxQueuedBytes?: number | undefined;
}

export class QlogDirectory {
  readonly #directory: string;
  readonly #warn: (line: string) => void;
  readonly #budget: WriteBudget;
  readonly #open = new Set<LogFile>();
  #onAllClosed: (() => void)[] = [];
  #hasWarned = false;
  #isMade = false;

  constructor({ directory, warn, maxQueuedBytes = DEFAULT_MAX_QUEUED_BYTES }: QlogDirectoryOptions) {
    this.#directory = directory;
    this.#warn = warn;
    this.#budget = { remainingBytes: maxQueuedBytes };
  }

  /** For each connection of an endpoint on the real clock: `now` is `performance.now()`. */
  readonly observe = (
    facts: ConnectionFacts,
    localAddress: Address | undefined,
    now: number,
  ): ConnectionObserver | undefined => {
    if (!this.#make()) return undefined;
    const name = `${hex(facts.originalDestinationId)}_${facts.role}.sqlog`;
    const file: LogFile = new LogFile(join(this.#directory, name), this.#budget, (error) => {
      this.#open.delete(file);
      if (error !== undefined) this.#onError(error);
      if (this.#open.size === 0) for (const done of this.#onAllClosed.splice(0)) done();
    });
    this.#open.add(file);
    return new QlogTrace(
      { facts, localAddress, referenceTime: performance.timeOrigin + now, sink: file },
      now,
    );
  };

  /** Resolves when the files of all connections that have ended are complete. Never rejects. */
  settled(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onAllClosed.push(resolve);
    });
  }

  /** With the first connection, so that a channel that is never used leaves no trace. */
  #make(): boolean {
    if (this.#isMade) return true;
    try {
      mkdirSync(this.#directory, { recursive: true });
      this.#isMade = true;
    } catch (error) {
      this.#onError(error);
    }
    return this.#isMade;
  }

  #onError(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#warn(`qlog cannot be written to ${this.#directory}: ${(error as Error).message}`);
  }
}

const DEFAULT_MAX_QUEUED_BYTES = 16 << 20;
