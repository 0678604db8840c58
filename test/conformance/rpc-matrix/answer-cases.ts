/**
 * What all kinds of methods share when a call goes well: messages, empty and large ones and none at all, metadata, and
 * when the header comes.
 */
import { Metadata, Status } from 'nice-grpc-common';
import { begin, type Kind, pathOf } from './four-kinds.js';
import { Gate, until } from './waiting.js';
import { type RpcCase } from './world.js';

export function answerCases(rpcCase: RpcCase, kind: Kind): void {
  rpcCase('ok: all requests reach the handler, all responses the caller, in order', async (open) => {
    const seen: number[][] = [];
    const { harness, channel, ends } = await open({
      async *conversation(requests) {
        for await (const payload of requests) {
          seen.push([...payload]);
          yield payload;
        }
        yield Uint8Array.of(9);
      },
    });
    const call = begin(channel, kind, THREE);
    expect(await harness.settle(call.ended)).toBeUndefined();
    const requests = kind.streamsRequest ? [[1], [2, 2], [3, 3, 3]] : [[1]];
    expect(seen).toEqual(requests);
    const responses = [...requests, [9]];
    expect(call.responses.map((each) => [...each])).toEqual(
      kind.streamsResponse ? responses : [responses.flat()],
    );
    expect(ends).toMatchObject([{ path: pathOf(kind), code: Status.OK, wasStarted: true }]);
  });

  rpcCase('empty messages are messages', async (open) => {
    const sizes: number[] = [];
    const { harness, channel, contexts } = await open({
      async *conversation(requests) {
        for await (const { length } of requests) {
          sizes.push(length);
          yield EMPTY;
        }
        yield EMPTY;
      },
    });
    const call = begin(channel, kind, [EMPTY, EMPTY, EMPTY]);
    expect(await harness.settle(call.ended)).toBeUndefined();
    expect(sizes).toEqual(kind.streamsRequest ? [0, 0, 0] : [0]);
    const responses = kind.streamsResponse ? sizes.length + 1 : 1;
    expect(call.responses.map(({ length }) => length)).toEqual(new Array(responses).fill(0));
    expect(contexts).toHaveLength(1);
  });

  if (kind.streamsRequest || kind.streamsResponse) {
    rpcCase('a stream may have no messages', async (open) => {
      let received = 0;
      const { harness, channel, contexts } = await open({
        async *conversation(requests) {
          for await (const payload of requests) received += payload.length === 0 ? 1 : 100;
        },
      });
      const call = begin(channel, kind, []);
      expect(await harness.settle(call.ended)).toBeUndefined();
      expect(received).toBe(kind.streamsRequest ? 0 : 1);
      expect(call.responses).toHaveLength(kind.streamsResponse ? 0 : 1);
      expect(contexts).toHaveLength(1);
    });
  }

  rpcCase('metadata both ways: text and bytes, header and trailer', async (open) => {
    const { harness, channel } = await open({
      async *conversation(_requests, context) {
        context.header.set('seen', context.metadata.get('tenant') ?? 'nothing');
        context.trailer.set('seen-bin', context.metadata.get('trace-bin') ?? EMPTY);
        yield EMPTY;
      },
    });
    const metadata = Metadata({ tenant: 'a, b', 'trace-bin': Uint8Array.of(0, 255) });
    const call = begin(channel, kind, THREE, { metadata });
    expect(await harness.settle(call.ended)).toBeUndefined();
    expect(call.headers.map((each) => [...each])).toEqual([[['seen', ['a, b']]]]);
    expect(call.trailers.map((each) => [...each])).toEqual([[['seen-bin', [Uint8Array.of(0, 255)]]]]);
  });

  for (const progress of ['1', undefined]) {
    const which = progress === undefined ? 'an empty header' : 'the header';
    rpcCase(`${which} comes before the first message when the handler sends it`, async (open) => {
      const gate = new Gate();
      const { harness, channel } = await open({
        async *conversation(_requests, context) {
          if (progress !== undefined) context.header.set('progress', progress);
          context.sendHeader();
          context.header.set('progress', 'too late');
          await gate.pass(context.signal);
          yield EMPTY;
        },
      });
      const call = begin(channel, kind, THREE);
      await until(harness, 'the header is there', () => call.headers.length > 0);
      expect(call.responses).toEqual([]);
      gate.open();
      expect(await harness.settle(call.ended)).toBeUndefined();
      expect(call.headers.map((header) => header.get('progress'))).toEqual([progress]);
      expect(call.responses).toHaveLength(1);
    });
  }

  rpcCase('more calls at once than there are streams: all are answered', async (open) => {
    const { harness, channel, contexts } = await open();
    const calls = Array.from({ length: 150 }, (_, index) => begin(channel, kind, [Uint8Array.of(index)]));
    await harness.settle(Promise.all(calls.map(({ ended }) => ended)));
    expect(calls.map(({ responses }) => responses[0]?.[0])).toEqual(
      Array.from({ length: 150 }, (_, index) => index),
    );
    expect(contexts).toHaveLength(150);
  });
}

const EMPTY = new Uint8Array();
const THREE = [Uint8Array.of(1), Uint8Array.of(2, 2), Uint8Array.of(3, 3, 3)];
