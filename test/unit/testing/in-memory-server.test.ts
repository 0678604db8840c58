import { Status } from 'nice-grpc-common';
import { type EchoRequest, TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { createInMemoryServer, type InMemoryServer } from '../../../src/testing/in-memory-server.js';

const PAYLOAD = Uint8Array.of(7);
const echo = ({ payload }: EchoRequest) => Promise.resolve({ payload });

function serve(memory: InMemoryServer, implementation: object = { echo }) {
  memory.server.add(TestServiceDefinition, implementation as never);
  return createClient(TestServiceDefinition, memory.channel);
}

test('listens with the first call', async () => {
  await using memory = createInMemoryServer();
  const tests = serve(memory);
  await expect(tests.echo({ payload: PAYLOAD })).resolves.toEqual({ payload: PAYLOAD });
});

test('may listen before, and connects again', async () => {
  await using memory = createInMemoryServer();
  const tests = serve(memory);
  await memory.server.listen('memory');
  await expect(tests.echo({ payload: PAYLOAD })).resolves.toEqual({ payload: PAYLOAD });
});

test('serves several channels, which end one by one', async () => {
  await using memory = createInMemoryServer();
  const first = serve(memory);
  const second = createClient(TestServiceDefinition, memory.createChannel());
  await first.echo({});
  await memory.channel.close();
  await expect(second.echo({ payload: PAYLOAD })).resolves.toEqual({ payload: PAYLOAD });
});

test('close cancels what is open, aborts what runs, and ends channel and server', async () => {
  const memory = createInMemoryServer();
  const aborted: string[] = [];
  let onStarted: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (onStarted = resolve));
  const tests = serve(memory, {
    echo: (_: EchoRequest, { signal }: { signal: AbortSignal }) => {
      onStarted();
      signal.addEventListener('abort', () => aborted.push('echo'));
      return new Promise(() => undefined);
    },
  });
  const outcome = expect(tests.echo({})).rejects.toMatchObject({ code: Status.CANCELLED });
  await started;
  await memory.close();
  await outcome;
  expect(aborted).toEqual(['echo']);
  expect(memory.channel.state).toBe('closed');
  await expect(memory.server.listen('memory')).rejects.toThrow('shut down');
  await memory.close();
});

test('a call after the server has shut down is UNAVAILABLE and does not hang', async () => {
  await using memory = createInMemoryServer();
  const tests = serve(memory);
  await memory.server.shutdown();
  await expect(tests.echo({}, { retry: false })).rejects.toMatchObject({ code: Status.UNAVAILABLE });
});

test('warns of what a handler throws by mistake, unless somebody listens', async () => {
  const warnings: string[] = [];
  await using memory = createInMemoryServer({ warn: (line) => warnings.push(line) });
  const fail = () => Promise.reject(new TypeError('a mistake'));
  const tests = serve(memory, { echo: fail });
  await expect(tests.echo({})).rejects.toMatchObject({ code: Status.UNKNOWN });
  expect(warnings).toEqual([expect.stringContaining('Echo failed: TypeError: a mistake')]);
  memory.server.on('handlerError', () => undefined);
  await expect(tests.echo({})).rejects.toMatchObject({ code: Status.UNKNOWN });
  expect(warnings).toHaveLength(1);
});
