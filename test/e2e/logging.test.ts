/** What a logger is given of real servers and channels. */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type CallContext,
  createChannel,
  createClient,
  createServer,
  ServerError,
  Status,
} from '../../src/index.js';
import { type EventLog, logEvents, type LogOptions, type LogRecord } from '../../src/logging/index.js';
import { certificates } from '../support/certificates.js';

const PATH = '/test.v1.TestService/Echo';

let records: LogRecord[];
let log: EventLog | undefined;

beforeEach(() => {
  records = [];
});

afterEach(() => {
  log?.stop();
});

function begin(options?: LogOptions): void {
  log = logEvents((record) => records.push(record), options);
}

/** `[level, event without its prefix, message]`. */
function lines(): string[][] {
  return records.map(({ level, event, message }) => [level, event.replace('udprpc:', ''), message]);
}

type Echo = () => Promise<{ payload: Uint8Array }>;

/** Runs `work` with a client of a server whose method does `echo`, and ends both. */
async function withClient(
  echo: Echo,
  work: (client: { echo: (request: object) => Promise<unknown> }, port: number) => Promise<void>,
): Promise<number> {
  await using server = createServer();
  server.add(TestServiceDefinition, { echo } as never);
  const port = await server.listen('127.0.0.1:0');
  await using channel = createChannel(`udp://127.0.0.1:${port}`);
  await work(createClient(TestServiceDefinition, channel), port);
  return port;
}

const ok: Echo = async () => ({ payload: new Uint8Array() });

test('a call that goes well is no record, but its connection is, with figures', async () => {
  begin();
  const port = await withClient(ok, async (client) => {
    await client.echo({});
  });
  expect(records.filter(({ event }) => event.includes('call'))).toEqual([]);
  expect(lines()).toContainEqual([
    'info',
    'channel.state',
    `channel to udp://127.0.0.1:${port} is ready: connected to 127.0.0.1:${port}`,
  ]);
  const closes = records.filter(({ event }) => event === 'udprpc:connection.close');
  expect(closes.map(({ level, fields }) => [level, fields['side']]).sort()).toEqual([
    ['info', 'client'],
    ['info', 'server'],
  ]);
  for (const { message, fields } of closes) {
    expect(message).toMatch(/^connection with 127\.0\.0\.1:\d+ ended: \S/);
    expect(fields).toMatchObject({ wasReady: true, isSecure: false, packetsLost: 0 });
    for (const name of ['durationMs', 'bytesSent', 'bytesReceived']) {
      expect([name, Number(fields[name]) > 0]).toEqual([name, true]);
    }
  }
});

test('with all calls there is a record for both ends of each, and for its attempt', async () => {
  begin({ calls: 'all' });
  const port = await withClient(ok, async (client) => {
    await client.echo({});
  });
  const target = `udp://127.0.0.1:${port}`;
  expect(lines()).toEqual(
    expect.arrayContaining([
      ['debug', 'server.call.end', expect.stringMatching(/^\/test\.v1\.TestService\/Echo for .*: OK$/)],
      ['debug', 'client.attempt.end', `${PATH} of ${target}, attempt 1: OK`],
      ['debug', 'client.call.end', `${PATH} of ${target}: OK`],
    ]),
  );
});

test("what a server's handler answers is information; what it throws by mistake is an error, once", async () => {
  begin();
  const answers = [new ServerError(Status.NOT_FOUND, 'no such thing'), new Error('a mistake')];
  await withClient(
    async () => {
      throw answers.shift() ?? new Error('no more');
    },
    async (client) => {
      await expect(client.echo({})).rejects.toMatchObject({ code: Status.NOT_FOUND });
      await expect(client.echo({})).rejects.toMatchObject({ code: Status.UNKNOWN });
    },
  );
  const ofServer = records.filter(({ event }) => event.startsWith('udprpc:server'));
  expect(ofServer).toEqual([
    expect.objectContaining({
      ...{ level: 'info', event: 'udprpc:server.call.end' },
      message: expect.stringMatching(/: NOT_FOUND, no such thing$/) as string,
    }),
    expect.objectContaining({
      ...{ level: 'error', event: 'udprpc:server.handler.error', message: `${PATH} failed: a mistake` },
      fields: expect.objectContaining({ path: PATH, error: expect.any(Error) as Error }) as object,
    }),
    expect.objectContaining({ level: 'warn', event: 'udprpc:server.call.end' }),
  ]);
  expect(records.filter(({ event }) => event === 'udprpc:warning')).toEqual([]);
});

test('a client that floods a server with cancelled calls is a warning', async () => {
  begin();
  await using server = createServer({ maxCancelsPerSecond: 1, cancelFloodSeconds: 1 });
  server.add(TestServiceDefinition, {
    echo: (_: unknown, { signal }: CallContext) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('cancelled'));
        });
      }),
  } as never);
  await using channel = createChannel(`udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  const client = createClient(TestServiceDefinition, channel);
  const floods = (): LogRecord | undefined => records.find(({ fields }) => fields['isViolation'] === true);
  while (floods() === undefined) {
    const controller = new AbortController();
    const call = client.echo({}, { signal: controller.signal, retry: false });
    setImmediate(() => {
      controller.abort();
    });
    await call.catch(() => undefined);
  }
  expect(floods()).toMatchObject({ level: 'warn', event: 'udprpc:connection.close' });
  expect(floods()?.message).toMatch(/^connection with .* ended: .*cancelled/);
}, 30_000);

test('a handshake that is refused is a warning that says why', async () => {
  begin();
  const { localServer } = await certificates();
  await using server = createServer({ tls: localServer });
  server.add(TestServiceDefinition, { echo: ok } as never);
  await using channel = createChannel(`udps://127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  const call = createClient(TestServiceDefinition, channel).echo({});
  await expect(call).rejects.toMatchObject({ code: Status.UNAUTHENTICATED });
  const [refused] = records.filter(
    ({ event, fields }) => event === 'udprpc:connection.close' && fields['side'] === 'client',
  );
  expect(refused).toMatchObject({ level: 'warn', fields: { wasReady: false, isSecure: true } });
  expect(refused?.message).toMatch(/^handshake with 127\.0\.0\.1:\d+ ended: .*certificate/);
});

test('a peer cannot make more records than so many in a second, and what is left out is counted', async () => {
  begin({ maxRecordsPerSecond: 5 });
  const startedAt = performance.now();
  await withClient(
    () => Promise.reject(new ServerError(Status.NOT_FOUND, 'no such thing')),
    async (client) => {
      for (let count = 0; count < 200; count++) await expect(client.echo({})).rejects.toThrow('NOT_FOUND');
    },
  );
  const ofServer = records.filter(({ event }) => event === 'udprpc:server.call.end');
  const seconds = Math.ceil((performance.now() - startedAt) / 1_000);
  expect(ofServer.length).toBeGreaterThanOrEqual(5);
  expect(ofServer.length).toBeLessThanOrEqual(5 * seconds);
  const counts = ofServer.map(({ fields }) => Number(fields['suppressedCount'] ?? 0));
  expect(counts.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
});

test('warnings of the process come to the log instead', async () => {
  begin();
  await using server = createServer({ insecure: true });
  server.add(TestServiceDefinition, { echo: ok } as never);
  await server.listen('0.0.0.0:0');
  expect(lines()).toContainEqual(['warn', 'warning', expect.stringContaining('without encryption')]);
});

test('stopped, it logs no more, and so does one that was never begun', async () => {
  begin({ calls: 'all' });
  log?.stop();
  await withClient(ok, async (client) => {
    await client.echo({});
  });
  expect(records).toEqual([]);
  expect(() => logEvents(() => undefined, { maxRecordsPerSecond: 0 })).toThrow(
    'maxRecordsPerSecond is 0: it takes a number, 1 or more',
  );
});
