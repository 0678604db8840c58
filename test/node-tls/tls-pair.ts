/**
 * A TLS client and a TLS server of node:tls over two streams in memory, as the driver runs them, with everything that
 * either of them does in one log. What one end writes stays in its outbox until the test passes it on, in whatever pieces.
 */
import { Duplex } from 'node:stream';
import {
  connect,
  type ConnectionOptions,
  createServer,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from 'node:tls';

export type Side = 'client' | 'server';

/** Whose TLS is being given bytes now. */
const delivering = new Set<MemoryEnd>();

/** Takes writes at once unless told otherwise; the bytes wait to be passed on. */
export class MemoryEnd extends Duplex {
  readonly side: Side;
  readonly outbox: Buffer[] = [];
  /** While true, what is written is not yet said to be written. */
  isHoldingWrites = false;
  /** What the next write fails with. */
  writeError: Error | undefined;
  /** When one has been taken. */
  onWritten: () => void = () => undefined;
  readonly #log: string[];
  #heldCallback: (() => void) | undefined;
  #unfinished: Uint8Array = new Uint8Array(0);

  constructor(side: Side, log: string[]) {
    super({ allowHalfOpen: false });
    this.side = side;
    this.#log = log;
    this.on('error', () => log.push(`${side} stream error`));
    this.on('close', () => log.push(`${side} stream close`));
  }

  releaseWrites(): void {
    this.isHoldingWrites = false;
    this.#heldCallback?.();
    this.#heldCallback = undefined;
  }

  override emit(...args: Parameters<Duplex['emit']>): boolean {
    if (args[0] !== 'data') return super.emit(...args);
    delivering.add(this);
    try {
      return super.emit(...args);
    } finally {
      delivering.delete(this);
    }
  }

  override _read(): void {
    // Bytes come when they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const error = this.writeError;
    if (error !== undefined) {
      callback(error);
      return;
    }
    this.outbox.push(Buffer.from(chunk));
    const line = `${this.side} writes ${this.#finishedRecords(chunk).join(' ')}`;
    if (this.#log.at(-1) !== line) this.#log.push(line);
    if (this.isHoldingWrites) this.#heldCallback = callback;
    else callback();
    this.onWritten();
  }

  /** Node cuts what OpenSSL writes into parts of its own, in the middle of a record. */
  #finishedRecords(chunk: Buffer): readonly string[] {
    const bytes = Buffer.concat([this.#unfinished, chunk]);
    const records = recordsOf(bytes).filter(({ end }) => end <= bytes.length);
    this.#unfinished = bytes.subarray(records.at(-1)?.end ?? 0);
    const kinds = records.map(({ start, end }) => recordKind(bytes, start, end));
    const told = kinds.filter((kind, i) => kind !== 'change-cipher-spec' && kind !== kinds[i - 1]);
    return told.length === 0 ? ['a part'] : told;
  }
}

export interface PairOptions {
  readonly client?: ConnectionOptions;
  /** Options, or a server that is there already. */
  readonly server: TlsOptions | Server;
  /** The client says nothing of `rejectUnauthorized`. */
  readonly isVerificationLeftToNode?: boolean;
  /** Of the client's stream, from its first one on. */
  readonly isHoldingWrites?: boolean;
}

const COMMON = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ALPNProtocols: ['udprpc/1'],
  rejectUnauthorized: true,
} as const;

export class TlsPair {
  readonly log: string[] = [];
  readonly clientEnd = new MemoryEnd('client', this.log);
  readonly serverEnd = new MemoryEnd('server', this.log);
  readonly sessions: Buffer[] = [];
  readonly server: Server;
  readonly client: TLSSocket;
  /** Of `secureConnection`. */
  atServer: TLSSocket | undefined;
  clientError: Error | undefined;
  /** Of `tlsClientError`: what the server's socket says of the client's certificate. */
  authorizationError: unknown;
  readonly #stopListening: () => void;

  constructor({
    client = {},
    server,
    isVerificationLeftToNode = false,
    isHoldingWrites = false,
  }: PairOptions) {
    this.clientEnd.isHoldingWrites = isHoldingWrites;
    this.server = 'emit' in server ? server : createTlsServer(server);
    const onSecure = (socket: TLSSocket): void => {
      // Of another pair of the same server.
      if (delivering.size > 0 && !delivering.has(this.serverEnd)) return;
      this.atServer = socket;
      this.#note('server', 'secureConnection');
      socket.on('error', (error) => this.log.push(`server socket error ${codeOf(error)}`));
      socket.on('end', () => this.log.push('server socket end'));
      socket.on('close', () => this.log.push('server socket close'));
    };
    const onError = (error: Error, socket: TLSSocket): void => {
      this.authorizationError = socket.authorizationError;
      this.#note('server', `tlsClientError ${codeOf(error)}`);
    };
    this.server.on('secureConnection', onSecure).on('tlsClientError', onError);
    this.#stopListening = () => {
      this.server.off('secureConnection', onSecure).off('tlsClientError', onError);
    };
    const { rejectUnauthorized, ...fixed } = COMMON;
    this.client = connect({
      servername: 'cam.example',
      ...fixed,
      ...(!isVerificationLeftToNode && { rejectUnauthorized }),
      ...client,
      socket: this.clientEnd,
    });
    this.client
      .on('secureConnect', () => {
        this.#note('client', 'secureConnect');
      })
      .on('session', (session: Buffer) => {
        this.sessions.push(session);
        this.#note('client', 'session');
      })
      .on('error', (error: Error) => {
        this.clientError = error;
        this.#note('client', `error ${codeOf(error)}`);
      })
      .on('end', () => this.log.push('client end'))
      .on('close', () => this.log.push('client close'));
    this.server.emit('connection', this.serverEnd);
  }

  /** Gives the other side what this one has written; returns how many bytes that were. */
  pass(from: Side, change: (bytes: Buffer) => Buffer = (bytes) => bytes): number {
    const [source, target] =
      from === 'client' ? [this.clientEnd, this.serverEnd] : [this.serverEnd, this.clientEnd];
    const bytes = change(Buffer.concat(source.outbox.splice(0)));
    if (bytes.length > 0 && !target.destroyed) target.push(bytes);
    return bytes.length;
  }

  /** Until for some turns of the event loop nothing has happened; nothing here waits for time, or for a thread. */
  async settle(): Promise<void> {
    let quietTurns = 0;
    let seen = this.log.length;
    while (quietTurns < 10) {
      await new Promise((resolve) => setImmediate(resolve));
      quietTurns = this.log.length === seen ? quietTurns + 1 : 0;
      seen = this.log.length;
    }
  }

  /** Passes on everything from the named sides until nothing moves any more. */
  async run(...sides: readonly Side[]): Promise<void> {
    const from = sides.length === 0 ? (['client', 'server'] as const) : sides;
    do await this.settle();
    while (from.map((side) => this.pass(side)).some((bytes) => bytes > 0));
  }

  /** Up to where the client's last flight is written and the server has not got it. */
  async runUpToFinished(): Promise<void> {
    await this.settle();
    this.pass('client');
    await this.settle();
    this.pass('server');
    await this.settle();
  }

  /** What has happened, from the named line of the log on, or at one side alone. */
  story(of: number | Side = 0): string {
    const lines =
      typeof of === 'number' ? this.log.slice(of) : this.log.filter((line) => line.startsWith(`${of} `));
    return lines.join(', ');
  }

  has(line: string): boolean {
    return this.log.some((it) => it === line || it.startsWith(`${line} `));
  }

  get isSecureAtBoth(): boolean {
    return this.has('client secureConnect') && this.has('server secureConnection');
  }

  async end(): Promise<void> {
    this.client.destroy();
    this.atServer?.destroy();
    this.clientEnd.destroy();
    this.serverEnd.destroy();
    await this.settle();
    this.#stopListening();
  }

  #note(side: Side, what: string): void {
    const end = side === 'client' ? this.clientEnd : this.serverEnd;
    this.log.push(`${side} ${what}${delivering.has(end) ? '' : ' (later)'}`);
  }
}

export function createTlsServer(options: TlsOptions): Server {
  return createServer({ ...COMMON, ...options });
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? error);
}

/** Where each TLS record begins and ends; the last one may not be all there. */
export function recordsOf(bytes: Uint8Array): readonly { readonly start: number; readonly end: number }[] {
  const records: { start: number; end: number }[] = [];
  for (let start = 0; start + HEADER_BYTES <= bytes.length;) {
    const end = start + HEADER_BYTES + (((bytes[start + 3] ?? 0) << 8) | (bytes[start + 4] ?? 0));
    records.push({ start, end });
    start = end;
  }
  return records;
}

/** An alert under protection has 19 bytes: its two, its type and the tag. */
function recordKind(bytes: Uint8Array, start: number, end: number): string {
  const kind = RECORD_KINDS.get(bytes[start] ?? 0) ?? 'garbage';
  return kind === 'protected' && end - start === HEADER_BYTES + 19 ? 'protected-alert' : kind;
}

const HEADER_BYTES = 5;
/** RFC 8446 §5.1. */
const RECORD_KINDS: ReadonlyMap<number, string> = new Map([
  [20, 'change-cipher-spec'],
  [21, 'alert'],
  [22, 'hello'],
  [23, 'protected'],
]);
