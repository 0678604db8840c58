/** The image-server command: what it prints, how it ends, and what it says when it cannot serve. */
import { jest } from '@jest/globals';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, symlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ImageServiceDefinition } from '../../../src/images/index.js';
import { createChannel, createClient, Status } from '../../../src/index.js';
import { ExampleProcess, runExample, startImageServer } from '../../support/example-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

jest.setTimeout(60_000);

const isRoot = process.getuid?.() === 0;
const WITHOUT_ROOTS_EYES = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'];

async function boundSocket(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: socket.address().port };
}

test.each(['SIGINT', 'SIGTERM'] as const)('prints one line, and ends well by %s', async (signal) => {
  const { url, server } = await startImageServer(temporaryDirectory());
  expect(url).toMatch(/^udp:\/\/127\.0\.0\.1:\d+$/);
  expect(await server.end(signal)).toEqual({ code: 0, stdout: `listening on ${url}\n`, stderr: '' });
});

test('without a directory it serves the sample images', async () => {
  const server = new ExampleProcess('image-server', ['--port', '0']);
  const [, url = ''] = await server.printed(/^listening on (udp:\S+)$/m);
  const channel = createChannel(url);
  const { images } = await createClient(ImageServiceDefinition, channel).list({});
  expect(images.map(({ mimeType }) => mimeType)).toEqual(
    expect.arrayContaining(['image/png', 'image/jpeg', 'image/webp', 'image/gif']),
  );
  expect(images.some(({ size }) => size >= 3_000_000n)).toBe(true);
  await channel.close();
  await server.end();
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

(hasIpv6 ? test : test.skip)('listens on IPv6', async () => {
  const server = new ExampleProcess('image-server', [
    temporaryDirectory({ 'a.png': 'a' }),
    '--host',
    '::1',
    '--port',
    '0',
  ]);
  const [, url = ''] = await server.printed(/^listening on (udp:\/\/\[::1\]:\d+)$/m);
  const { code, stdout } = await runExample('fetch-image', url, '--list', '--json');
  expect([code, stdout]).toEqual([0, expect.stringContaining('a.png')]);
  await server.end();
});

test('a port in use: the address and what to do', async () => {
  const { socket, port } = await boundSocket();
  const { code, stdout, stderr } = await runExample(
    'image-server',
    temporaryDirectory(),
    '--port',
    String(port),
  );
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use; .*another port.*\\n$`),
  );
  socket.close();
});

test('a directory that is not there, or is a file: its name and what to do', async () => {
  const path = temporaryDirectory({ 'a.png': 'a' });
  for (const [name, reason] of [
    ['gone', 'there is no such directory; name one that exists'],
    ['a.png', 'it is a file; name the directory'],
  ] as const) {
    const { code, stdout, stderr } = await runExample('image-server', join(path, name), '--port', '0');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^cannot serve ${join(path, name)}: ${reason}.*\\n$`));
  }
});

test('what may not be read: the directory, and a file in it', async () => {
  const path = temporaryDirectory({ 'closed.png': 'secret', 'closed/a.png': 'secret' });
  chmodSync(path, 0o755);
  chmodSync(join(path, 'closed.png'), 0);
  chmodSync(join(path, 'closed'), 0);
  // root may read everything, unless it gives that up.
  const options = isRoot ? { wrapper: WITHOUT_ROOTS_EYES } : {};
  const refused = new ExampleProcess('image-server', [join(path, 'closed'), '--port', '0'], options);
  expect(await refused.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('it may not be read; give') as string,
  });

  const { url, server } = await startImageServer(path, options);
  const channel = createChannel(url);
  const client = createClient(ImageServiceDefinition, channel);
  await expect(client.getMeta({ name: 'closed.png' })).rejects.toMatchObject({
    code: Status.PERMISSION_DENIED,
  });
  expect((await client.list({})).images.map(({ name }) => name)).toEqual(['closed.png']);
  await channel.close();
  await server.end();
  chmodSync(join(path, 'closed'), 0o700);
});

test.each([
  ['--port', ['--port', 'x'], "'--port <P>' argument 'x' is invalid"],
  ['a port too high', ['--port', '65536'], 'from 0 to 65535'],
  ['an unknown option', ['--what'], "unknown option '--what'"],
  ['two directories', ['.', '.'], 'too many arguments'],
  ['--cert without --key', ['--cert', 'a'], '--cert and --key belong together'],
  ['--tls and --insecure', ['--tls', '--insecure'], 'exclude each other'],
  ['--ca without --request-cert', ['--tls', '--ca', 'a'], 'belong together'],
  ['--request-cert without TLS', ['--ca', 'a', '--request-cert'], 'give --tls, or --cert and --key'],
  ['a host beyond this machine', ['--host', '0.0.0.0', '--port', '0'], '--insecure'],
  ['a host that is none', ['--host', 'a b', '--port', '0'], 'invalid address'],
])('wrong arguments, %s: one line, the usage, exit code 2', async (_, args, reason) => {
  const { code, stdout, stderr } = await runExample('image-server', ...args);
  expect([code, stdout]).toEqual([2, '']);
  const [first, ...rest] = stderr.split('\n');
  expect(first).toMatch(/^image-server: /);
  expect(first).toContain(reason);
  expect(rest.join('\n')).toBe(
    'Usage: image-server [DIR] [--host H] [--port P] [--tls | --cert F --key F | --insecure]\n--help explains the options.\n',
  );
});

test('over the network: no name and no link leads out, lengths and offsets are checked', async () => {
  const outside = temporaryDirectory({ 'secret.png': 'secret' });
  const path = temporaryDirectory({ 'a.png': 'abc' });
  symlinkSync(join(outside, 'secret.png'), join(path, 'out.png'));
  symlinkSync(outside, join(path, 'sub'));
  const { url, server } = await startImageServer(path);
  const channel = createChannel(url);
  const client = createClient(ImageServiceDefinition, channel);
  const cases: [Parameters<typeof client.getChunk>[0], Status, string][] = [
    [{ name: '../secret.png', length: 1 }, Status.INVALID_ARGUMENT, '.. part'],
    [{ name: join(outside, 'secret.png'), length: 1 }, Status.INVALID_ARGUMENT, 'absolute'],
    [{ name: 'a\0.png', length: 1 }, Status.INVALID_ARGUMENT, 'NUL'],
    [{ name: '..\\secret.png', length: 1 }, Status.INVALID_ARGUMENT, 'backslash'],
    [{ name: 'out.png', length: 1 }, Status.NOT_FOUND, "'out.png'"],
    [{ name: 'sub/secret.png', length: 1 }, Status.NOT_FOUND, "'sub/secret.png'"],
    [{ name: 'a.png', length: 0 }, Status.INVALID_ARGUMENT, '1048576'],
    [{ name: 'a.png', length: 1_048_577 }, Status.INVALID_ARGUMENT, '1048576'],
    [{ name: 'a.png', offset: 3n, length: 1 }, Status.OUT_OF_RANGE, '3 bytes'],
    [{ name: 'a.png', length: 1, ifMatch: 'x' }, Status.FAILED_PRECONDITION, 'has changed'],
  ];
  for (const [request, code, reason] of cases) {
    await expect(client.getChunk(request)).rejects.toMatchObject({
      code,
      details: expect.stringContaining(reason) as string,
    });
  }
  await expect(client.list({ pageToken: 'x' })).rejects.toMatchObject({ code: Status.INVALID_ARGUMENT });
  expect((await client.getChunk({ name: 'a.png', length: 1_048_576 })).data).toEqual(
    Uint8Array.of(97, 98, 99),
  );
  await channel.close();
  expect((await server.end()).stderr).toBe('');
});
