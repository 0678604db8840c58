/**
 * A client of the real transport that knows nothing of calls: puts on a stream what a test says, and reads, or does not read,
 * what comes back. All its calls are on one connection.
 */
import { UdpConnector } from '../../src/driver/udp-connector.js';
import { Status } from '../../src/index.js';
import { CLIENT_INSTANCE_BYTES, writeRequestHeader } from '../../src/rpc/framing/request-header.js';
import { decodeTrailer } from '../../src/rpc/framing/trailer.js';
import { UnitType } from '../../src/rpc/framing/unit.js';
import { UnitReader } from '../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../src/rpc/framing/unit-writer.js';
import { type StreamListener, type StreamTransport } from '../../src/transport/stream-transport.js';
import { type ConnectionClosed } from '../../src/transport/transport-error.js';

const NO_LIMIT = { maxBytes: Infinity, name: 'no limit' };

/** How the server ended a call: with a trailer, or by a reset. */
export interface RawEnd {
  readonly status?: string;
  readonly details?: string;
  readonly messages: readonly Uint8Array[];
  readonly resetCode?: number;
}

interface Pending {
  rest: readonly Uint8Array[];
  readonly fin: boolean;
  readonly received: UnitReader;
  readonly messages: Uint8Array[];
  end: Pick<RawEnd, 'status' | 'details'>;
  resolve(end: RawEnd): void;
  reject(error: Error): void;
}

export class RawCaller implements StreamListener {
  /** Of what the server sends. */
  isReading = true;
  readonly closed: Promise<ConnectionClosed>;
  readonly #connector: UdpConnector;
  readonly #transport: StreamTransport;
  readonly #calls = new Map<number, Pending>();
  /** Calls for which there is no stream yet. */
  readonly #waiting: (() => void)[] = [];
  #onReady: () => void = () => undefined;
  #onClosed: (closed: ConnectionClosed) => void = () => undefined;

  /** Confirmed. */
  static connect(port: number): Promise<RawCaller> {
    const connector = new UdpConnector(`udp://127.0.0.1:${port}`);
    return new Promise((resolve, reject) => {
      connector.connect({
        onTransport: (transport) => {
          const caller = new RawCaller(connector, transport);
          caller.#onReady = () => {
            resolve(caller);
          };
          return caller;
        },
        onFailed: ({ reason }) => {
          reject(new Error(reason));
        },
      });
    });
  }

  private constructor(connector: UdpConnector, transport: StreamTransport) {
    this.#connector = connector;
    this.#transport = transport;
    this.closed = new Promise((resolve) => (this.#onClosed = resolve));
  }

  /** These bytes on a stream of their own, then its end unless `fin` is false. Rejects when the connection ends. */
  async call(bytes: Uint8Array, fin = true): Promise<RawEnd> {
    let streamId = this.#transport.openStream();
    for (; streamId === undefined; streamId = this.#transport.openStream()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const id = streamId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, {
        ...{ rest: [bytes], fin, received: new UnitReader(Infinity), messages: [], end: {} },
        ...{ resolve, reject },
      });
      this.onStreamWritable(id);
    });
  }

  async close(): Promise<void> {
    this.#transport.close(0, 'the test is over');
    await this.#connector.close();
  }

  onReady(): void {
    this.#onReady();
  }

  onStreamWritable(streamId: number): void {
    const call = this.#calls.get(streamId);
    const [piece] = call?.rest ?? [];
    if (call === undefined || piece === undefined) return;
    const taken = this.#transport.writeStream(streamId, [piece], call.fin);
    call.rest = taken < piece.length ? [piece.subarray(taken)] : [];
  }

  onStreamReadable(streamId: number): void {
    const call = this.#calls.get(streamId);
    while (call !== undefined && this.isReading) {
      const bytes = this.#transport.readStream(streamId);
      if (bytes === undefined) return;
      if (bytes === 'end') {
        this.#settle(streamId, {});
        return;
      }
      call.received.push(bytes);
      for (let unit = call.received.next(); unit !== undefined; unit = call.received.next()) {
        if (unit.type === UnitType.MESSAGE) call.messages.push(unit.body);
        if (unit.type !== UnitType.TRAILER) continue;
        const { code, details } = decodeTrailer(unit.body, NO_LIMIT);
        call.end = { status: Status[code], details };
      }
    }
  }

  onStreamReset(streamId: number, resetCode: number): void {
    this.#settle(streamId, { resetCode });
  }

  /** As every client does. */
  onStreamStopped(streamId: number, code: number): void {
    this.#transport.resetStream(streamId, code);
  }

  onClosed(closed: ConnectionClosed): void {
    for (const call of this.#calls.values()) call.reject(new Error(closed.reason));
    this.#calls.clear();
    this.#onClosed(closed);
  }

  onStreamsAvailable(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  onStreamOpened(): void {}

  #settle(streamId: number, how: Pick<RawEnd, 'resetCode'>): void {
    const call = this.#calls.get(streamId);
    this.#calls.delete(streamId);
    call?.resolve({ ...call.end, messages: call.messages, ...how });
  }
}

let sequence = 0;

/** A HEADER that is as it must be. `service`: default the test service. */
export function requestHeader(
  method: string,
  { service = 'test.v1.TestService', timeoutMs = 10_000 } = {},
): Uint8Array {
  const writer = new UnitWriter();
  const clientInstance = new Uint8Array(CLIENT_INSTANCE_BYTES).fill(7);
  const call = { path: `${service}/${method}`, timeoutMs, clientInstance, sequence: sequence++ };
  const first = { attempt: 1, ageMs: 0, isDeclaredIdempotent: false, metadata: undefined };
  writeRequestHeader(writer, { ...call, ...first }, NO_LIMIT);
  return writer.bytes.slice();
}

/** A unit of this type that says it is as long as it is, or as `length` says. */
export function unitBytes(type: number, body: Uint8Array, length = body.length): Uint8Array {
  const writer = new UnitWriter();
  writer.u8(type);
  writer.varint(length);
  writer.write(body);
  return writer.bytes.slice();
}

export function messageUnit(body: Uint8Array, length?: number): Uint8Array {
  return unitBytes(UnitType.MESSAGE, body, length);
}

/** A field of a header or trailer [RPC-3]. */
export function fieldBytes(tag: number, value: Uint8Array, length = value.length): Uint8Array {
  return unitBytes(tag, value, length);
}

export function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
