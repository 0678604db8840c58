/** What `tools/wireshark` makes of real connections, as tshark shows them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Status } from '../../src/index.js';
import {
  type ChannelOptions,
  createChannel,
  createClient,
  createServer,
  ServerError,
  type ServerOptions,
} from '../../src/index.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { certificates } from '../support/certificates.js';
import { DatagramRelay } from '../support/datagram-relay.js';
import { type CapturedDatagram } from '../support/pcap.js';
import { patternBytes, temporaryDirectory } from '../support/temporary-directory.js';
import { dissect, fieldsOf, SKIPPED, testWithTshark } from '../support/tshark.js';

const SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const ECHO = 'test.v1.TestService/Echo';
const SMALL = Uint8Array.of(0xca, 0xfe, 0xba, 0xbe);
const LARGE = patternBytes(5_000);

interface Captured {
  readonly scheme?: 'udp' | 'udps';
  readonly server?: ServerOptions;
  readonly channel?: ChannelOptions;
}

/** A small call, one that fails, and one of several datagrams, one after the other. */
async function capture(
  { scheme = 'udp', ...options }: Captured = {},
  captured: CapturedDatagram[] = [],
): Promise<CapturedDatagram[]> {
  const server = createServer(options.server);
  server.add(TestServiceDefinition, {
    echo: async ({ payload, failWithCode, failWithDetails }: never) => {
      if (failWithCode !== 0) throw new ServerError(failWithCode, failWithDetails);
      return { payload };
    },
  } as never);
  const port = await server.listen('127.0.0.1:0');
  const relay = await DatagramRelay.open(port, () => ({ from, bytes }) => {
    captured.push({ from, bytes });
    return [bytes];
  });
  const channel = createChannel(`${scheme}://127.0.0.1:${relay.port}`, options.channel);
  const client = createClient(TestServiceDefinition, channel);
  try {
    expect((await client.echo({ payload: SMALL })).payload).toEqual(SMALL);
    const failed = client.echo({ failWithCode: Status.NOT_FOUND, failWithDetails: 'no such image' });
    await expect(failed).rejects.toThrow('no such image');
    expect((await client.echo({ payload: LARGE })).payload).toEqual(LARGE);
  } finally {
    await channel.close();
    await server.shutdown({ graceMs: 0 });
    await relay.close();
  }
  return captured;
}

async function captureTls(ciphers: string, options: Omit<ServerOptions, 'tls'> = {}) {
  const { authority, localServer } = await certificates();
  const keyLogFile = join(temporaryDirectory(), 'keys');
  const captured = await capture({
    scheme: 'udps',
    server: { ...options, tls: { ...localServer, ciphers, keyLogFile } },
    channel: { tls: { ca: authority.cert } },
  });
  return { captured, keyLogFile };
}

const frame = (type: number): string => `0x${type.toString(16).padStart(2, '0')}`;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Values of all datagrams together. */
function all<K extends string>(rows: readonly Record<K, string[]>[], name: K): string[] {
  return rows.flatMap((row) => row[name]);
}

/** Requests and answers of the three calls, and the payloads in them. */
function expectCalls(datagrams: readonly CapturedDatagram[], keyLogFile?: string): void {
  const reading = keyLogFile === undefined ? {} : { keyLogFile };
  const rows = fieldsOf(datagrams, ['from', 'method', 'status', 'details', 'message'], reading);
  const statuses = all(rows, 'status');
  expect([statuses.filter((it) => it === '0').length, statuses.filter((it) => it === '5').length]).toEqual([
    2, 1,
  ]);
  expect(all(rows, 'details')).toEqual(['no such image']);
  expect(new Set(all(rows, 'method'))).toEqual(new Set([ECHO]));
  const messages = all(rows, 'message');
  expect(messages.filter((it) => it.endsWith(hex(SMALL))).length).toBe(2);
  expect(messages.filter((it) => it.endsWith(hex(LARGE))).length).toBe(2);
}

testWithTshark(
  `plaintext: packets, checksums, frames, calls${SKIPPED}`,
  async () => {
    const captured = await capture();
    const names = ['packet', 'version', 'protection', 'frame', 'from', 'method', 'connection'] as const;
    const rows = fieldsOf(captured, names);
    expect(rows.length).toBe(captured.length);
    expect(rows.map(({ from }) => [...new Set(from)])).toEqual(captured.map(({ from }) => [from]));
    expect(new Set(all(rows, 'protection'))).toEqual(new Set(['checksum good']));
    expect(new Set(all(rows, 'connection'))).toEqual(new Set(['0']));
    // The first call rides in the datagram of the hello, whose last packet is padded.
    expect(rows[0]?.packet).toEqual(['0x01', '0x00']);
    expect(rows[0]?.version).toEqual(['0x75700001']);
    expect(rows[0]?.frame.at(0)).toBe(frame(FrameType.HANDSHAKE));
    expect(rows[0]?.frame.at(-1)).toBe(frame(FrameType.PADDING));
    expect(new Set(rows[0]?.method)).toEqual(new Set([ECHO]));
    expect(rows[1]?.packet).toEqual(['0x01', '0x00']);
    expect(rows[1]?.frame).toContain(frame(FrameType.HANDSHAKE_DONE));
    expectCalls(captured);
  },
  60_000,
);

testWithTshark(
  `plaintext: transport parameters by name${SKIPPED}`,
  async () => {
    const text = dissect(await capture());
    expect(text).toMatch(/Parameter: MAX_DATAGRAM_SIZE/);
    expect(text).toMatch(/Parameter: INCARNATION/);
    expect(text).not.toMatch(/Malformed|Lua Error/);
  },
  60_000,
);

testWithTshark(
  `both looks at a packet show the same${SKIPPED}`,
  async () => {
    const captured = await capture();
    expect(dissect(captured, { args: ['-V', '-2'] })).toBe(dissect(captured));
  },
  60_000,
);

testWithTshark.each(SUITES)(
  `[KEY-10] TLS with a key log: %s${SKIPPED}`,
  async (suite) => {
    const { captured, keyLogFile } = await captureTls(suite, { transport: { keyUpdatePackets: 4 } });
    const rows = fieldsOf(captured, ['protection', 'key_generation'], { keyLogFile });
    expect(new Set(all(rows, 'protection'))).toEqual(new Set(['decrypted']));
    expect(new Set(all(rows, 'key_generation')).size).toBeGreaterThanOrEqual(2);
    expectCalls(captured, keyLogFile);
  },
  60_000,
);

testWithTshark(
  `TLS without keys: headers, and no word of a call${SKIPPED}`,
  async () => {
    const { captured, keyLogFile } = await captureTls('TLS_AES_128_GCM_SHA256');
    const names = ['packet', 'protection', 'packet_number', 'method', 'message', 'tls.message'] as const;
    const rows = fieldsOf(captured, names);
    const protection = rows.flatMap((row) =>
      row.packet.map((packet, at) => [packet, row.protection[at]].join()),
    );
    expect(new Set(protection)).toEqual(new Set(['0x01,decrypted', '0x00,encrypted']));
    expect(all(rows, 'packet_number').length).toBe(all(rows, 'packet').length);
    expect([...all(rows, 'method'), ...all(rows, 'message')]).toEqual([]);
    expect(all(rows, 'tls.message')).toEqual(['0x01', '0x02']);
    // A log of other connections, or of half of this one, opens no more than it has keys for.
    writeFileSync(keyLogFile, readFileSync(keyLogFile, 'utf8').replace(/^UDPRPC_SERVER.*\n/m, ''));
    const half = fieldsOf(captured, ['from', 'protection', 'packet'], { keyLogFile });
    const opened = half.flatMap((row) =>
      row.packet.map((packet, at) => [packet, row.from[at], row.protection[at]].join()),
    );
    expect(new Set(opened.filter((it) => it.startsWith('0x00')))).toEqual(
      new Set(['0x00,client,decrypted', '0x00,server,encrypted']),
    );
  },
  60_000,
);

/** Who sent what of the first datagrams, and whether it is authentic. */
function expectRetry(datagrams: readonly CapturedDatagram[], authentic: string, keyLogFile?: string): void {
  const reading = keyLogFile === undefined ? {} : { keyLogFile };
  const rows = fieldsOf(
    datagrams,
    ['packet', 'from', 'protection', 'connection', 'dcid', 'scid', 'token', 'frame'],
    reading,
  );
  const [hello] = rows;
  const retry = rows.find(({ packet }) => packet[0] === '0x02');
  // The rest of the first flight may come between.
  const [, second] = rows.filter(({ packet }) => packet[0] === '0x01');
  expect([hello?.packet[0], second?.packet[0]]).toEqual(['0x01', '0x01']);
  expect([hello?.from[0], retry?.from, second?.from[0]]).toEqual(['client', ['server'], 'client']);
  expect(retry?.dcid).toEqual(hello?.scid);
  expect(second?.dcid[0]).toEqual(retry?.scid[0]);
  expect([hello?.token, second?.token]).toEqual([[], retry?.token]);
  // What else came with the first hello a server that has kept nothing of it answers with stateless resets.
  const ours = rows.filter(({ connection }) => connection.length > 0);
  expect(new Set(all(ours, 'protection'))).toEqual(new Set([authentic]));
  // The server's for the next connection, after those of the RETRY.
  expect(all(rows, 'frame')).toContain(frame(FrameType.NEW_TOKEN));
  expect(new Set(all(rows, 'token')).size).toBeGreaterThanOrEqual(2);
  expectCalls(datagrams, keyLogFile);
}

const RETRY_ALWAYS = { limits: { retryAboveHalfOpen: 0 } };

testWithTshark(
  `[HDR-9] [RTY-4] plaintext: a RETRY, and what follows it${SKIPPED}`,
  async () => {
    expectRetry(await capture({ server: RETRY_ALWAYS }), 'checksum good');
  },
  60_000,
);

testWithTshark(
  `[HDR-9] [RTY-4] TLS: a RETRY, and what follows it${SKIPPED}`,
  async () => {
    const { captured, keyLogFile } = await captureTls('TLS_AES_128_GCM_SHA256', RETRY_ALWAYS);
    expectRetry(captured, 'decrypted', keyLogFile);
  },
  60_000,
);

testWithTshark(
  `[HDR-9] a RETRY that was altered on the way is shown as what its receiver drops${SKIPPED}`,
  async () => {
    const captured = await capture({ server: RETRY_ALWAYS });
    const hello = captured[0];
    const retry = captured.find(({ from }) => from === 'server');
    if (hello === undefined || retry === undefined) throw new Error('nothing was captured');
    const altered = { ...retry, bytes: retry.bytes.with(30, (retry.bytes[30] ?? 0) ^ 1) };
    const rows = fieldsOf([hello, altered, retry], ['packet', 'protection']);
    expect(rows.slice(1)).toEqual([
      { packet: ['0x02'], protection: ['checksum bad'] },
      { packet: ['0x02'], protection: ['checksum good'] },
    ]);
  },
  60_000,
);

testWithTshark(
  `version negotiation: what the server speaks${SKIPPED}`,
  async () => {
    const { localServer } = await certificates();
    const captured: CapturedDatagram[] = [];
    await expect(capture({ server: { tls: localServer } }, captured)).rejects.toThrow('udps://');
    const rows = fieldsOf(captured, ['packet', 'supported_version']);
    expect(rows.find(({ packet }) => packet[0] === '0x03')?.supported_version).toEqual(['0x75730001']);
  },
  60_000,
);

testWithTshark(
  `what was altered on the way is shown as what its receiver drops${SKIPPED}`,
  async () => {
    const withLastAltered = (datagrams: CapturedDatagram[]): CapturedDatagram[] =>
      datagrams.map(({ from, bytes }, index) => {
        const isLast = index === datagrams.length - 1;
        return { from, bytes: isLast ? bytes.with(-6, (bytes.at(-6) ?? 0) ^ 1) : bytes };
      });
    const plaintext = fieldsOf(withLastAltered(await capture()), ['protection']);
    expect(plaintext.at(-1)?.protection).toEqual(['checksum bad']);
    const { captured, keyLogFile } = await captureTls('TLS_AES_128_GCM_SHA256');
    const secure = fieldsOf(withLastAltered(captured), ['protection'], { keyLogFile });
    expect(secure.at(-1)?.protection).toEqual(['does not open']);
    expect(secure.at(-2)?.protection).toEqual(['decrypted']);
  },
  60_000,
);

testWithTshark(
  `a capture that cut packets short${SKIPPED}`,
  async () => {
    const text = dissect(await capture(), { snapLength: 200 });
    expect(text).toMatch(/Protection: checksum not verified/);
    expect(text).not.toMatch(/Lua Error/);
  },
  60_000,
);
