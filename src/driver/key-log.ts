/**
 * The secrets of connections, for `tools/wireshark`, in a file that the user named: a line for each direction of each
 * connection [KEY-10]. It is opened anew each time, so that nothing has to be closed and the file may be moved away. A file
 * that cannot be written is told of once, harms no connection, and is written as soon as it can be.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';

export interface ConnectionSecrets {
  /** Of the connection: the client's first destination ID. */
  readonly originalDestinationId: Uint8Array;
  /** As RFC 8446 §B.4 names it. */
  readonly suite: string;
  /** Of generation 0 [KEY-2]: those of later ones follow from it. Zeroed by its owner after `write`. */
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
    try {
      // At once: the packets that it is for follow, and whoever reads both wants to find it.
      append(this.#file, [line('UDPRPC_CLIENT_SECRET', ofClient), line('UDPRPC_SERVER_SECRET', ofServer)]);
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(`tls.keyLogFile cannot be written, and secrets are not logged: ${reason}`);
    }
  }
}

/** Each line is one write to the end of the file, so that those of several processes do not mix. */
function append(path: string, lines: readonly string[]): void {
  const file = openSync(path, APPEND, OWNER_ONLY);
  try {
    for (const line of lines) {
      if (writeSync(file, line) < line.length) throw new Error('the disk is full');
    }
  } finally {
    closeSync(file);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** A pipe that nobody reads is an error, and not waited for. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
/** Of a file that is made. */
const OWNER_ONLY = 0o600;
