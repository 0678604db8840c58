/**
 * The secrets of connections, for Wireshark, in a file that the user named: a line for each direction of each connection, in
 * the manner of NSS key logs (PROTOCOL §5.2 says how keys follow from a secret). A file that cannot be written is told of
 * once and harms no connection.
 */
import { appendFileSync } from 'node:fs';

export interface ConnectionSecrets {
  /** Of the connection: the client's first destination ID. */
  readonly originalDestinationId: Uint8Array;
  /** As RFC 8446 §B.4 names it. */
  readonly suite: string;
  readonly ofClient: Uint8Array;
  readonly ofServer: Uint8Array;
}

export class KeyLog {
  readonly #file: string;
  readonly #warn: (line: string) => void;
  #hasFailed = false;

  constructor(file: string, warn: (line: string) => void) {
    this.#file = file;
    this.#warn = warn;
  }

  write({ originalDestinationId, suite, ofClient, ofServer }: ConnectionSecrets): void {
    const line = (label: string, secret: Uint8Array): string =>
      `${label} ${hexOf(originalDestinationId)} ${suite} ${hexOf(secret)}\n`;
    const lines = line('UDPRPC_CLIENT_SECRET', ofClient) + line('UDPRPC_SERVER_SECRET', ofServer);
    try {
      // At once: the packets that it is for follow, and whoever reads both wants to find it.
      appendFileSync(this.#file, lines, { mode: 0o600 });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(`tls.keyLogFile cannot be written, and secrets are not logged: ${reason}`);
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
