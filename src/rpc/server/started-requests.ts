/**
 * Which requests of undeclared idempotency have started their handler on this server, over all its connections, so
 * that none starts it twice. Each client numbers these calls without gaps, so what it started is nearly always one
 * range; where there are many gaps the oldest are forgotten, and below that point only first attempts may start.
 * Inside a connection nothing starts twice anyway [AMO-2]; this is for request IDs [AMO-1] that come over another one.
 */
import { RangeSet } from '../../base/range-set.js';

export class StartedRequests {
  readonly #maxClients: number;
  readonly #windows = new Map<string, RequestWindow>();

  constructor(maxClients: number) {
    this.#maxClients = maxClients;
  }

  /** Of the client with this instance; whoever holds it keeps it, even when it is forgotten here. */
  windowOf(client: string): RequestWindow {
    let window = this.#windows.get(client);
    if (window === undefined) {
      window = new RequestWindow();
      if (this.#windows.size >= this.#maxClients) this.#forgetOne();
    } else {
      this.#windows.delete(client);
    }
    // Last in the map's order: the client that came back longest ago is forgotten first.
    this.#windows.set(client, window);
    return window;
  }

  #forgetOne(): void {
    for (const client of this.#windows.keys()) {
      this.#windows.delete(client);
      return;
    }
  }
}

export class RequestWindow {
  readonly #started = new RangeSet();
  /** What was started below is not known any more. */
  #floor = 0;

  /** False when the handler has, or may have, started before. True only once for a sequence number. */
  tryStart(sequence: number, attempt: number): boolean {
    // A first attempt is sent once, on one stream, and so cannot be a copy of one that was forgotten.
    if (sequence < this.#floor) return attempt === 1;
    const started = this.#started;
    if (started.contains(sequence)) return false;
    started.add(sequence, sequence + 1);
    if (started.size > MAX_RANGES) {
      this.#floor = started.end(0);
      started.remove(started.start(0), this.#floor);
    }
    return true;
  }
}

/** Between two ranges lie calls that never started or are still to come; as many as a client could have waiting. */
const MAX_RANGES = 1_024;
