/** [RPC-7] What a server sends and takes of metadata, to the byte, and what becomes of a call with more. */
import { Metadata, ServerError, Status } from 'nice-grpc-common';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { settle } from '../../../support/manual-clock.js';
import { ADD, PUT, ServerFixture } from '../../../support/server-fixture.js';

const valueFor = (size: number): string => 'x'.repeat(size - 1);

describe.each([
  ['by default', {}, 8_192],
  ['smaller', { maxSendMetadataBytes: 10, maxReceiveMetadataBytes: 10 }, 10],
  ['larger', { maxSendMetadataBytes: 11_903, maxReceiveMetadataBytes: 11_903 }, 11_903],
])('%s', (_which, options, limit) => {
  const sendError = (part: string): string =>
    "the server's response metadata cannot be sent: " +
    `${part} metadata of ${limit + 1} bytes is above the server's maxSendMetadataBytes of ${limit} bytes`;

  test('a request at the limit is taken, one byte more refused without a handler', async () => {
    const fixture = new ServerFixture(options);
    const client = await fixture.serve();
    client.request(0, { metadata: Metadata({ k: valueFor(limit + 1) }) });
    client.request(2, { metadata: Metadata({ k: valueFor(limit) }), sequence: 1 });
    await settle();
    expect(client.status(0)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details:
        'the server refused the request: ' +
        `request metadata of ${limit + 1} bytes is above the server's maxReceiveMetadataBytes of ${limit} bytes`,
      notStarted: true,
    });
    expect(client.log).toEqual([`stop 0 ${ResetCode.TOO_LARGE}`]);
    expect(client.status(2).code).toBe(Status.OK);
    expect(fixture.contexts.map(({ metadata }) => metadata.get('k')?.length)).toEqual([limit - 1]);
  });

  test.each(['header', 'trailer'] as const)('a %s at the limit is sent, one byte more not', async (part) => {
    const fixture = new ServerFixture(options);
    const sizes = [limit + 1, limit];
    const client = await fixture.serve({
      echo: async (_request, context) => {
        context[part].set('k', valueFor(sizes.shift() ?? 1));
        return {};
      },
    });
    client.request(0);
    client.request(2, { sequence: 1 });
    await settle();
    expect(client.status(0)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: sendError(part),
      notStarted: false,
    });
    expect(client.answer(0)).toMatchObject({ header: undefined, messages: [], isFinished: true });
    const { header, trailer, isFinished } = client.answer(2);
    expect(trailer?.code).toBe(Status.OK);
    expect((part === 'header' ? header : trailer?.metadata)?.get('k')).toHaveLength(limit - 1);
    expect(isFinished).toBe(true);
    expect(fixture.errors).toHaveLength(1);
    expect(client.log).toEqual([]);
  });

  test('a failure whose trailer is above the limit is told as that', async () => {
    const fixture = new ServerFixture(options);
    const client = await fixture.serve({
      echo: async (_request, context) => {
        context.trailer.set('k', valueFor(limit + 1));
        throw new ServerError(Status.NOT_FOUND, 'no cat.jpg here');
      },
    });
    client.request(0);
    await settle();
    expect(client.status(0)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: sendError('trailer'),
      metadata: undefined,
    });
    expect(client.answer(0).isFinished).toBe(true);
    expect(fixture.ends).toMatchObject([{ code: Status.RESOURCE_EXHAUSTED }]);
  });

  test('a header above the limit fails where the handler sends it', async () => {
    const fixture = new ServerFixture(options);
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    fixture.put.context.header.set('k', valueFor(limit + 1));
    expect(() => {
      fixture.put.context.sendHeader();
    }).toThrow(`header metadata of ${limit + 1} bytes is above the server's maxSendMetadataBytes`);
    await fixture.answerPut();
    expect(client.answer(0)).toMatchObject({ header: undefined, trailer: { code: Status.OK } });
  });

  test('the answer that is kept has as large a trailer, and is given again', async () => {
    const fixture = new ServerFixture(options);
    const client = await fixture.serve({
      add: async (_request, context) => {
        context.trailer.set('k', valueFor(limit));
        return { total: BigInt(++fixture.addCount) };
      },
    });
    client.request(0, { path: ADD });
    await settle();
    const again = fixture.acceptor.connect();
    again.request(0, { path: ADD, attempt: 2 });
    await settle();
    expect(again.status(0).metadata?.get('k')).toHaveLength(limit - 1);
    expect(fixture.addCount).toBe(1);
    expect(fixture.ends.map(({ code }) => code)).toEqual([Status.OK, Status.OK]);
  });
});
