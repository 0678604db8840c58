/** Clients that ask and do not read, that stop in the middle of what they say, and that fall silent altogether. */
import { jest } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { DownloadRequest } from '../../../generated/test/v1/test.js';
import { ResetCode } from '../../../src/rpc/framing/reset-code.js';
import { DEFAULT_TRANSPORT_OPTIONS } from '../../../src/transport/connection/transport-options.js';
import { MAX_ATTACK_BYTES } from '../../support/attack-bounds.js';
import { beside, besideText, heldBytes } from '../../support/honest-neighbour.js';
import { printFigures } from '../../support/long-run.js';
import { joined, messageUnit, RawCaller, requestHeader } from '../../support/raw-caller.js';
import {
  closeAll,
  closeLater,
  relayTo,
  serveEcho,
  type TestImplementation,
} from '../../support/tls-fixture.js';

jest.setTimeout(60_000);

afterEach(closeAll);

const MIB = 1 << 20;
/** As many as a client may have open. */
const CALLS = 100;
const MESSAGE_BYTES = 64 << 10;
/** One that found no room in a call's stream, and one that is put together at the other end. */
const MESSAGES_OUTSIDE = 2;
/** Kept for the next, by both ends: chunks, datagrams of the socket. */
const POOLED_BYTES = 12 * MIB;
/** Fixed here, so that it does not depend on how fast this machine is. */
const SEND_BYTES = 8 * MIB;
const REQUEST_BYTES = 128 << 10;
const NO_BYTES = new Uint8Array(0);
const TIMEOUT_MS = 2_000;
/** At least three PTOs. */
const IDLE_MS = 4_000;
/** What a busy machine may add to a deadline, which without it would be that of the connection, or none. */
const LATE_MS = 10_000;

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

async function connect(port: number): Promise<RawCaller> {
  const caller = await RawCaller.connect(port);
  closeLater(() => caller.close());
  return caller;
}

/** Handlers of `download` that write for as long as they are let. */
class Downloads {
  writtenBytes = 0;
  started = 0;
  running = 0;

  readonly implementation: Partial<TestImplementation> = { download: () => this.#write() };

  async *#write(): AsyncGenerator<{ payload: Uint8Array }> {
    const payload = new Uint8Array(MESSAGE_BYTES).fill(7);
    this.started++;
    this.running++;
    try {
      for (;;) {
        this.writtenBytes += payload.length;
        yield { payload };
      }
    } finally {
      this.running--;
    }
  }
}

const download = (): Uint8Array =>
  joined(
    requestHeader('Download', { timeoutMs: TIMEOUT_MS }),
    messageUnit(DownloadRequest.encode({ count: 0, size: 0 }).finish()),
  );

test('clients that do not read hold up the handler, and are gone by their deadline', async () => {
  const downloads = new Downloads();
  const transport = { sendBufferPerConnection: SEND_BYTES, maxSendBufferPerConnection: SEND_BYTES };
  const { port } = await serveEcho({ transport }, downloads.implementation);
  const caller = await connect(port);
  caller.isReading = false;
  const before = heldBytes();
  const startedAt = performance.now();
  const ends = Promise.all(Array.from({ length: CALLS }, () => caller.call(download())));
  let writtenBytes = 0;
  const meanwhile = await beside(port, ends, () => {
    // The first that is over makes room for others.
    if (downloads.running === CALLS) ({ writtenBytes } = downloads);
  });
  const tookMs = performance.now() - startedAt;
  printFigures(
    `${downloads.started} downloads that nobody reads`,
    `${mib(writtenBytes)} written`,
    `${mib(meanwhile.heldBytes - before)} held by both ends`,
    `gone after ${tookMs.toFixed(0)} ms of ${TIMEOUT_MS}, ${downloads.running} handlers left`,
    besideText(meanwhile),
  );
  expect(downloads.started).toBe(CALLS);
  expect(downloads.running).toBe(0);
  const bounds =
    SEND_BYTES + DEFAULT_TRANSPORT_OPTIONS.connectionWindow + CALLS * MESSAGES_OUTSIDE * MESSAGE_BYTES;
  expect(writtenBytes).toBeGreaterThan(0);
  expect(writtenBytes).toBeLessThanOrEqual(bounds);
  expect(meanwhile.heldBytes - before).toBeLessThan(bounds + POOLED_BYTES);
  for (const { resetCode } of await ends) expect(resetCode).toBe(ResetCode.DEADLINE);
  expect(tookMs).toBeLessThan(TIMEOUT_MS + LATE_MS);
  caller.isReading = true;
  expect((await caller.call(joined(requestHeader('Echo'), messageUnit(NO_BYTES)))).status).toBe('OK');
});

test.each([
  ['of which only the length has come', 0],
  ['without their last byte', REQUEST_BYTES - 1],
])('requests %s start no handler, and are gone by their deadline', async (title, bytes) => {
  const server = await serveEcho({ maxReceiveMessageBytes: REQUEST_BYTES });
  const caller = await connect(server.port);
  const before = heldBytes();
  const startedAt = performance.now();
  const ends = Promise.all(
    Array.from({ length: CALLS }, () => {
      const header = requestHeader('Echo', { timeoutMs: TIMEOUT_MS });
      return caller.call(joined(header, messageUnit(new Uint8Array(bytes), REQUEST_BYTES)), false);
    }),
  );
  const meanwhile = await beside(server.port, ends);
  const tookMs = performance.now() - startedAt;
  const after = heldBytes();
  printFigures(
    `${CALLS} requests of ${REQUEST_BYTES >> 10} KiB ${title}`,
    `${mib(meanwhile.heldBytes - before)} held`,
    `gone after ${tookMs.toFixed(0)} ms of ${TIMEOUT_MS}, ${mib(after - before)} held then`,
    besideText(meanwhile),
  );
  expect(server.echoed).toHaveLength(meanwhile.times.length);
  for (const { status } of await ends) expect(status).toBe('DEADLINE_EXCEEDED');
  expect(tookMs).toBeLessThan(TIMEOUT_MS + LATE_MS);
  // As many messages as a connection may have calls: what the server holds at most, and the client until they are sent.
  expect(meanwhile.heldBytes - before).toBeLessThan(2 * CALLS * REQUEST_BYTES + MAX_ATTACK_BYTES);
  expect(after - before).toBeLessThan(MAX_ATTACK_BYTES);
  expect((await caller.call(joined(requestHeader('Echo'), messageUnit(NO_BYTES)))).status).toBe('OK');
});

test('of a client that is cut off the handlers are gone by their deadline, the connection by the idle timeout', async () => {
  const downloads = new Downloads();
  const server = await serveEcho({ transport: { idleTimeoutMs: IDLE_MS } }, downloads.implementation);
  const before = heldBytes();
  let isCut = false;
  const relay = await relayTo(
    server,
    () =>
      ({ bytes }) =>
        isCut ? [] : [bytes],
  );
  const caller = await connect(relay.port);
  void Promise.allSettled(Array.from({ length: CALLS }, () => caller.call(download())));
  await beside(
    server.port,
    until(() => downloads.started === CALLS),
  );
  isCut = true;
  const startedAt = performance.now();
  const meanwhile = await beside(
    server.port,
    until(() => downloads.running === 0),
  );
  const handlersMs = performance.now() - startedAt;
  await beside(
    server.port,
    until(() => server.watch.connections[0]?.isForgotten === true),
  );
  const connectionMs = performance.now() - startedAt;
  await caller.close();
  const after = heldBytes();
  printFigures(
    `a client with ${downloads.started} downloads cut off`,
    `handlers gone after ${handlersMs.toFixed(0)} ms of ${TIMEOUT_MS}`,
    `connection after ${connectionMs.toFixed(0)} ms, ${mib(after - before)} held then`,
    besideText(meanwhile),
  );
  expect(handlersMs).toBeLessThan(TIMEOUT_MS + LATE_MS);
  expect(connectionMs).toBeLessThan(IDLE_MS + LATE_MS);
  expect(after - before).toBeLessThan(MAX_ATTACK_BYTES);
});

/** Looks at every turn of the event loop. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setImmediate();
}
