/** Calls of every kind through a gateway, either way and both ways in a row: what goes in comes out, whatever it is. */
import { Metadata, Status } from '../../../src/index.js';
import { patternBytes } from '../../support/temporary-directory.js';
import { bytes, drain, entriesOf, Failure, KINDS, occasion, outcome, text } from './bytes-service.js';
import { ROUTES } from './routes.js';

const CASES = ROUTES.flatMap((route) => KINDS.map((kind) => ({ ...route, ...kind })));

/** Bytes of every value, empty ones and some larger than a datagram. */
const MESSAGES = [new Uint8Array(), patternBytes(256), patternBytes(70_000, 2)];

describe.each(CASES)('$route, $kind', ({ open, name, requestStream, responseStream }) => {
  const requests = requestStream ? MESSAGES : [patternBytes(70_000, 3)];

  test('messages come out as they went in, in their order', async () => {
    const received: Uint8Array[] = [];
    const { client } = await open(async function* (call) {
      for await (const message of call.requests) received.push(Uint8Array.from(message));
      yield* responseStream ? MESSAGES : [patternBytes(70_000, 4)];
    });
    const { code, messages } = await outcome(client.call(name, requests));
    expect(code).toBe(Status.OK);
    expect(received).toEqual(requests);
    expect(messages).toEqual(responseStream ? MESSAGES : [patternBytes(70_000, 4)]);
  });

  test('metadata goes both ways: text, bytes, several values of a key', async () => {
    const sent = Metadata()
      .append('plain', 'a b, c;d=~')
      .append('many', '1')
      .append('many', '2')
      .append('authorization', 'Bearer x')
      .append('raw-bin', Uint8Array.of(0, 255, 1))
      .append('raw-bin', Uint8Array.of())
      .append('empty', '');
    let received = Metadata();
    const { client } = await open(async function* (call) {
      received = call.metadata;
      await drain(call.requests);
      call.sendHeader(Metadata({ 'in-header': 'h', 'header-bin': [Uint8Array.of(1), Uint8Array.of(2, 3)] }));
      call.trailer.set('in-trailer', 't').set('trailer-bin', Uint8Array.of(9));
      yield bytes('done');
    });
    const call = client.call(name, requests, { metadata: sent });
    const { code, trailer } = await outcome(call);
    expect(code).toBe(Status.OK);
    expect(entriesOf(received)).toEqual({
      plain: ['a b, c;d=~'],
      many: ['1, 2'],
      authorization: ['Bearer x'],
      'raw-bin': [Uint8Array.of(0, 255, 1), Uint8Array.of()],
      empty: [''],
    });
    expect(entriesOf(await call.header)).toEqual({
      'in-header': ['h'],
      'header-bin': [Uint8Array.of(1), Uint8Array.of(2, 3)],
    });
    expect(entriesOf(trailer)).toEqual({ 'in-trailer': ['t'], 'trailer-bin': [Uint8Array.of(9)] });
  });

  test.each([
    ['a header', Metadata({ k: 'early' })],
    ['an empty header', Metadata()],
  ])('%s comes before the first message', async (_, header) => {
    const heard = occasion();
    const { client } = await open(async function* (call) {
      call.sendHeader(header);
      await heard.promise;
      await drain(call.requests);
      yield bytes('done');
    });
    const call = client.call(name, requests);
    const end = outcome(call);
    expect(entriesOf(await call.header)).toEqual(entriesOf(header));
    heard.happens();
    expect((await end).messages.map(text)).toEqual(['done']);
  });

  test('a status comes with its text, its details and its metadata', async () => {
    const statusDetails = patternBytes(300, 5);
    const { client } = await open(async function* (call) {
      await drain(call.requests);
      call.trailer.set('why', 'because').set('why-bin', Uint8Array.of(7));
      if (responseStream) yield bytes('first');
      throw new Failure(Status.FAILED_PRECONDITION, '100 % nein: größer als 3 €', statusDetails);
    });
    const { code, details, trailer, messages } = await outcome(client.call(name, requests));
    expect({ code, details }).toEqual({
      code: Status.FAILED_PRECONDITION,
      details: '100 % nein: größer als 3 €',
    });
    expect(messages.map(text)).toEqual(responseStream ? ['first'] : []);
    expect(entriesOf(trailer)).toEqual({
      why: ['because'],
      'why-bin': [Uint8Array.of(7)],
      'grpc-status-details-bin': [statusDetails],
    });
  });

  test('a call that fails at once has no header and no message', async () => {
    const { client } = await open(() => {
      throw new Failure(Status.PERMISSION_DENIED, 'not you');
    });
    const { code, details, messages } = await outcome(client.call(name, requests));
    expect([code, details, messages]).toEqual([Status.PERMISSION_DENIED, 'not you', []]);
  });

  test('the deadline is known to the server, and ends the call', async () => {
    const deadlines: number[] = [];
    const ended = occasion();
    const { client } = await open(async function* (call) {
      deadlines.push((call.deadline?.getTime() ?? 0) - Date.now());
      call.signal.addEventListener('abort', () => {
        ended.happens();
      });
      if (call.signal.aborted) ended.happens();
      await ended.promise;
      yield bytes('late');
    });
    const { code } = await outcome(client.call(name, requests, { timeoutMs: 300 }));
    expect(code).toBe(Status.DEADLINE_EXCEEDED);
    expect(deadlines).toHaveLength(1);
    expect(deadlines[0]).toBeGreaterThan(0);
    // Rounded up to whole milliseconds at each of the borders.
    expect(deadlines[0]).toBeLessThanOrEqual(304);
    await ended.promise;
  });

  test('a call without a deadline has none behind the gateway', async () => {
    const deadlines: (Date | undefined)[] = [];
    const { client } = await open(async function* (call) {
      deadlines.push(call.deadline);
      await drain(call.requests);
      yield bytes('done');
    });
    // The UDP side has deadlines of its own where none is given, for unary calls.
    expect((await outcome(client.call(name, requests, { timeoutMs: Infinity }))).code).toBe(Status.OK);
    if (name !== 'Unary') expect(deadlines).toEqual([undefined]);
  });

  test('the client cancels, and the server is told', async () => {
    const started = occasion();
    const stopped = occasion();
    const { client } = await open(async function* (call) {
      call.signal.addEventListener('abort', () => {
        stopped.happens();
      });
      started.happens();
      await stopped.promise;
      yield bytes('unheard');
    });
    const call = client.call(name, requests);
    const ending = outcome(call);
    await started.promise;
    call.cancel();
    expect((await ending).code).toBe(Status.CANCELLED);
    await stopped.promise;
  });
});
