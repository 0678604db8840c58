/** A path that carries smaller datagrams from one moment on, in the middle of a transfer, and tells nobody. */
import { jest } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import { printFigures } from '../support/long-run.js';
import { closeAll, connectTo, relayTo, serveEcho } from '../support/tls-fixture.js';

jest.setTimeout(60_000);

afterEach(closeAll);

const TOTAL_BYTES = 16 << 20;
const MESSAGE_BYTES = 64 << 10;
const PATH_MTU = 1_300;
const MAX_STALL_MS = 3_000;

/** What comes at this offset. */
function message(offset: number): Uint8Array {
  return new Uint8Array(MESSAGE_BYTES).fill(offset / MESSAGE_BYTES);
}

test('[MTU-6] the path MTU shrinks in mid-transfer without ICMP: no stall above 3 s, and all of it arrives', async () => {
  const server = await serveEcho(
    {},
    {
      async *download() {
        for (let sent = 0; sent < TOTAL_BYTES; sent += MESSAGE_BYTES) {
          yield { payload: message(sent) };
        }
      },
    },
  );
  let largestBytes = 0;
  let lostCount = 0;
  let hasShrunk = false;
  const relay = await relayTo(server, () => ({ bytes }) => {
    if (hasShrunk && bytes.length > PATH_MTU) {
      lostCount++;
      return [];
    }
    if (!hasShrunk) largestBytes = Math.max(largestBytes, bytes.length);
    return [bytes];
  });
  const { client } = connectTo(relay.port, {});
  let received = 0;
  let isSame = true;
  let stallMs = 0;
  let lastAt = performance.now();
  for await (const { payload } of client.download({})) {
    isSame &&= Buffer.compare(payload, message(received)) === 0;
    received += payload.length;
    stallMs = Math.max(stallMs, performance.now() - lastAt);
    lastAt = performance.now();
    // Datagrams have grown by then.
    hasShrunk ||= received >= TOTAL_BYTES / 2;
  }
  printFigures(
    `path MTU from ${largestBytes} to ${PATH_MTU} B in mid-transfer`,
    `${received >> 20} MiB arrived`,
    `${lostCount} datagrams lost`,
    `the longest stall ${stallMs.toFixed(0)} ms`,
  );
  expect([received, isSame]).toEqual([TOTAL_BYTES, true]);
  expect(largestBytes).toBeGreaterThan(PATH_MTU);
  expect(lostCount).toBeGreaterThan(0);
  expect(stallMs).toBeLessThan(MAX_STALL_MS);
  expect(server.watch.connections).toHaveLength(1);
});
