/** A token proves an address once in the life of a server, whatever the network repeats [TOK-2]. */
import { type ConnectionFacts } from '../../../src/transport/connection/connection-observer.js';
import { check } from './violation.js';

export class TokenWatch {
  /** A client's ID, and the RETRY that it came by, if by any: it has one token for each. */
  readonly #used = new Set<string>();

  /** The server remembers nothing any more. */
  onCrash(): void {
    this.#used.clear();
  }

  /** A connection was made of a hello. */
  onConnection({ role, isAddressProven, remoteId, retrySourceId }: ConnectionFacts): void {
    if (role === 'client' || !isAddressProven) return;
    const clientId = Buffer.from(remoteId).toString('hex');
    const token = `${clientId} ${Buffer.from(retrySourceId ?? []).toString('hex')}`;
    check(!this.#used.has(token), () => `a token of client ${clientId} proves its address twice`);
    this.#used.add(token);
  }
}
