/**
 * Which requests of undeclared idempotency have started their handler on this server, over all its connections, so
 * that none starts it twice [AMO-2]. Each client numbers these calls without gaps, so what it started is nearly always
 * one range. Memory is bounded: the client that was idle longest is forgotten, and of one client the oldest ranges.
 * What that costs is told by [AMO-6]: a first attempt always starts, since it is on one stream and a stream is delivered
 * once; a later one is refused only when its call began so early that what was forgotten may have started it.
 */
import { RangeSet } from '../../base/range-set.js';
import { RecencyMap } from '../../base/recency-map.js';
import { type RequestHeader } from '../framing/request-header.js';

export type RequestNumber = Pick<RequestHeader, 'sequence' | 'attempt' | 'ageMs'>;

export class StartedRequests {
  readonly #maxClients: number;
  readonly #windows = new RecencyMap<RequestWindow>();
  /** The latest start that is not known any more. */
  #forgottenUntil = -Infinity;

  constructor(maxClients: number) {
    this.#maxClients = maxClients;
  }

  /**
   * Undefined when the handler may start now, and is so counted as started: once for a request. Else why not, for the
   * client's user. `client` is its instance; `receivedAt` when the header came, to which its age belongs.
   */
  start(client: string, request: RequestNumber, receivedAt: number, now: number): string | undefined {
    const { attempt, ageMs } = request;
    if (attempt > 1 && ageMs > MAX_AGE_MS) return TOO_OLD;
    // On its way, and in the client's buffers, the header has aged too.
    const earliestBegin = receivedAt - ageMs - MAX_DELAY_MS;
    let window = this.#windows.use(client);
    if (window === undefined) {
      if (attempt > 1 && earliestBegin <= this.#forgottenUntil) return FORGOTTEN;
      window = new RequestWindow(this.#forgottenUntil);
      // Only now: what is forgotten here is another client's.
      if (this.#windows.size >= this.#maxClients) this.#forgetOne();
      this.#windows.set(client, window);
    }
    return window.start(request, earliestBegin, now);
  }

  /** What was counted as started has not. */
  takeBack(client: string, sequence: number): void {
    this.#windows.use(client)?.takeBack(sequence);
  }

  #forgetOne(): void {
    const forgotten = this.#windows.shift();
    this.#forgottenUntil = Math.max(this.#forgottenUntil, forgotten?.lastStartedAt ?? -Infinity);
  }
}

class RequestWindow {
  lastStartedAt = -Infinity;
  /** An earlier window of the same client may have been forgotten, with starts up to here. */
  readonly #forgottenUntil: number;
  readonly #started = new RangeSet();
  /** What was started below is not known any more: all of it began before what has made the floor rise. */
  #floor = 0;

  constructor(forgottenUntil: number) {
    this.#forgottenUntil = forgottenUntil;
  }

  start({ sequence, attempt }: RequestNumber, earliestBegin: number, now: number): string | undefined {
    const started = this.#started;
    if (started.contains(sequence)) return STARTED;
    if (attempt > 1 && (sequence < this.#floor || earliestBegin <= this.#forgottenUntil)) return FORGOTTEN;
    this.lastStartedAt = now;
    // Kept, a first attempt there would at once be the oldest range again.
    if (sequence < this.#floor) return undefined;
    started.add(sequence, sequence + 1);
    if (started.size > MAX_RANGES) {
      this.#floor = started.end(0);
      started.remove(started.start(0), this.#floor);
    }
    return undefined;
  }

  takeBack(sequence: number): void {
    this.#started.remove(sequence, sequence + 1);
  }
}

const STARTED = 'it was started before, and no answer is kept';
const FORGOTTEN = 'it may have been started before: the server has forgotten what it started then';

/** [AMO-5] [AMO-3] Clients give up at this age. */
const MAX_AGE_MS = 240_000;
const TOO_OLD = `it began more than ${MAX_AGE_MS / 1_000} s ago`;

/** From the writing of a header to its arrival; a client has given up a silent connection earlier. */
const MAX_DELAY_MS = 60_000;

/** Between two ranges lie calls that never started or are still to come; as many as a client could have waiting. */
const MAX_RANGES = 1_024;
