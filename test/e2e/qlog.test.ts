import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, createServer } from '../../src/index.js';
import { parseQlog, qlogFaults } from '../support/qlog-schema.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const service = {
  echo: ({ payload }: { payload: Uint8Array }) => ({ payload }),
  put: () => ({}),
  add: () => ({}),
};

async function callOnce(clientDir?: string, serverDir?: string): Promise<string[]> {
  const warnings: string[] = [];
  const server = createServer({ qlogDir: serverDir, warn: (line) => warnings.push(line) });
  server.add(TestServiceDefinition, service as never);
  const port = await server.listen('127.0.0.1:0');
  for (let run = 0; run < 2; run++) {
    const channel = createChannel(`127.0.0.1:${port}`, { qlogDir: clientDir });
    const client = createClient(TestServiceDefinition, channel);
    const { payload } = await client.echo({ payload: new Uint8Array(50_000) });
    expect(payload.length).toBe(50_000);
    await channel.close();
  }
  await server.shutdown({ graceMs: 100 });
  return warnings;
}

/** What the process was warned of about qlog meanwhile. */
async function warningsOf(run: () => Promise<void>): Promise<string[]> {
  const emitted: string[] = [];
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning: string | Error): void => void emitted.push(String(warning));
  try {
    await run();
  } finally {
    process.emitWarning = emitWarning;
  }
  return emitted.filter((line) => line.includes('qlog'));
}

test('with qlogDir each connection has a file on either side, complete when channel and server are closed', async () => {
  const directory = join(temporaryDirectory(), 'not', 'there', 'yet');
  expect(await callOnce(directory, directory)).toEqual([]);
  const names = readdirSync(directory).sort();
  expect(names.length).toBe(4);
  const byId = new Map<string, string[]>();
  for (const name of names) {
    const [, id = '', role = ''] = /^([0-9a-f]{16})_(client|server)\.sqlog$/.exec(name) ?? [];
    byId.set(id, [...(byId.get(id) ?? []), role]);
    const file = parseQlog(readFileSync(join(directory, name), 'utf8'));
    expect(qlogFaults(file)).toEqual([]);
    expect(file.events.at(-1)).toMatchObject({
      name: 'connectivity:connection_state_updated',
      data: { new: 'closed' },
    });
    const trace = file.header['trace'] as { common_fields: { reference_time: number; ODCID: string } };
    expect(trace.common_fields.ODCID).toBe(id);
    expect(Math.abs(trace.common_fields.reference_time - Date.now())).toBeLessThan(60_000);
  }
  expect([...byId.values()]).toEqual([
    ['client', 'server'],
    ['client', 'server'],
  ]);
});

describe('UDPRPC_QLOG_DIR', () => {
  afterEach(() => {
    delete process.env['UDPRPC_QLOG_DIR'];
  });

  test('is for the servers and channels whose code names no directory', async () => {
    const [ofProcess, ofCode] = [temporaryDirectory(), temporaryDirectory()];
    process.env['UDPRPC_QLOG_DIR'] = ofProcess;
    expect(await callOnce(undefined, ofCode)).toEqual([]);
    const roles = (directory: string): string[] =>
      readdirSync(directory).map((name) => name.replace(/^[0-9a-f]{16}_/, ''));
    expect(roles(ofProcess)).toEqual(['client.sqlog', 'client.sqlog']);
    expect(roles(ofCode)).toEqual(['server.sqlog', 'server.sqlog']);
  });

  test('empty is none', async () => {
    process.env['UDPRPC_QLOG_DIR'] = '';
    expect(await callOnce()).toEqual([]);
  });

  test('that cannot be used costs the process one warning, and no call', async () => {
    const directory = join(temporaryDirectory({ file: 'not a directory' }), 'file', 'below');
    process.env['UDPRPC_QLOG_DIR'] = directory;
    const lines: string[] = [];
    const emitted = await warningsOf(async () => {
      lines.push(...(await callOnce()), ...(await callOnce()));
    });
    expect([...lines, ...emitted]).toEqual([
      expect.stringMatching(/^UDPRPC_QLOG_DIR: qlog cannot be written to .*file\/below: ENOTDIR/),
    ]);
  });
});

test('a directory that cannot be made costs one warning and no call', async () => {
  const directory = temporaryDirectory({ file: 'not a directory' });
  let warnings: string[] = [];
  const emitted = await warningsOf(async () => {
    warnings = await callOnce(join(directory, 'file', 'below'), join(directory, 'file', 'below'));
  });
  expect(warnings).toEqual([expect.stringMatching(/^qlog cannot be written to .*file\/below: ENOTDIR/)]);
  // One for each channel.
  expect(emitted.length).toBe(2);
});
