/** The README of nice-grpc, "Metadata" of servers and of clients, for each kind of method: what travels, and when it is told. */
import { Gate, failure, heard, said, say } from './messages.js';
import { ANSWERS, callOf, KINDS, serviceOf } from './kinds.js';
import { Stage, WORLDS } from './world.js';

describe.each(WORLDS)('metadata of $name', (world) => {
  const { Metadata, ServerError, Status } = world.library;
  const stage = new Stage(world);

  test.each(KINDS)('travel both ways: %s', async (kind) => {
    const client = await stage.client(
      serviceOf(async (context) => {
        context.header.set('some-key', `header for ${context.metadata.get('some-key') ?? 'nobody'}`);
        context.trailer.set('some-key', `trailer for ${context.metadata.get('some-key') ?? 'nobody'}`);
      }),
    );
    const told: string[] = [];
    const answers = await callOf(client, kind, {
      metadata: Metadata({ 'Some-Key': 'me' }),
      onHeader(header) {
        told.push(header.get('some-key') ?? '');
      },
      onTrailer(trailer) {
        told.push(trailer.get('some-key') ?? '');
      },
    });
    expect(answers).toEqual(ANSWERS[kind]);
    expect(told).toEqual(['header for me', 'trailer for me']);
  });

  test.each(KINDS)('come with an error, and are told before it: %s', async (kind) => {
    const client = await stage.client(
      serviceOf(async (context) => {
        context.header.set('h', '1');
        context.trailer.set('t', '2');
        throw new ServerError(Status.ABORTED, 'no');
      }),
    );
    const order: string[] = [];
    const error = await failure(
      callOf(client, kind, {
        onHeader: (header) => order.push(`header ${header.get('h') ?? ''}`),
        onTrailer: (trailer) => order.push(`trailer ${trailer.get('t') ?? ''}`),
      }).catch((reason: unknown) => {
        order.push('error');
        throw reason;
      }),
    );
    expect(error).toMatchObject({ code: Status.ABORTED });
    expect(order).toEqual(['header 1', 'trailer 2', 'error']);
  });

  test.each(KINDS)(
    'of the header are told while the handler still works, by sendHeader(): %s',
    async (kind) => {
      const goOn = new Gate();
      const client = await stage.client(
        serviceOf(async (context) => {
          context.header.set('h', 'early');
          context.sendHeader();
          context.header.set('h', 'too late');
          context.sendHeader();
          await goOn.opened;
        }),
      );
      const headers: (string | undefined)[] = [];
      const answers = await callOf(client, kind, {
        onHeader(header) {
          headers.push(header.get('h'));
          goOn.open();
        },
      });
      expect(answers).toEqual(ANSWERS[kind]);
      expect(headers).toEqual(['early']);
    },
  );

  test.each(KINDS)('are told of, once each, when the server has none: %s', async (kind) => {
    const client = await stage.client(serviceOf(async () => undefined));
    const order: string[] = [];
    await callOf(client, kind, {
      onHeader: () => order.push('header'),
      onTrailer: () => order.push('trailer'),
    });
    expect(order).toEqual(['header', 'trailer']);
  });

  test('of the header come before the first message of a stream, those of the trailer after the last', async () => {
    const client = await stage.client({
      async *download(_request, context) {
        context.header.set('h', '1');
        yield say('a');
        yield say('b');
        context.trailer.set('t', '2');
      },
    });
    const order: string[] = [];
    const stream = client.download(
      {},
      {
        onHeader: () => order.push('header'),
        onTrailer: (trailer) => order.push(`trailer ${trailer.get('t') ?? ''}`),
      },
    );
    for await (const message of stream) order.push(said(message));
    expect(order[0]).toBe('header');
    expect(order.filter((word) => word.length === 1)).toEqual(['a', 'b']);
    expect(order).toContain('trailer 2');
  });

  test('may be set on a stream without messages', async () => {
    const client = await stage.client({
      async *download(_request, context) {
        context.header.set('h', '1');
        context.trailer.set('t', '2');
      },
    });
    const told: (string | undefined)[] = [];
    await heard(
      client.download(
        {},
        {
          onHeader: (header) => told.push(header.get('h')),
          onTrailer: (trailer) => told.push(trailer.get('t')),
        },
      ),
    );
    expect(told).toEqual(['1', '2']);
  });

  test('may be binary, and have several values', async () => {
    const client = await stage.client({
      async echo(request, context) {
        context.header.set('data-bin', context.metadata.getAll('data-bin'));
        context.header.append('words', 'one').append('words', 'two');
        context.trailer.set('data-bin', new Uint8Array([255, 0]));
        return request;
      },
    });
    let words: string | undefined;
    let header: number[][] = [];
    let trailer: number[] = [];
    await client.echo(
      {},
      {
        metadata: Metadata({ 'data-bin': [new Uint8Array([0, 1]), new Uint8Array([2])] }),
        onHeader(given) {
          words = given.get('words');
          header = given.getAll('data-bin').map((bytes) => [...bytes]);
        },
        onTrailer(given) {
          trailer = [...(given.get('data-bin') ?? [])];
        },
      },
    );
    expect(words).toBe('one, two');
    expect(header).toEqual([[0, 1], [2]]);
    expect(trailer).toEqual([255, 0]);
  });
});
