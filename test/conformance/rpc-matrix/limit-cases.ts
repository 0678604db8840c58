/**
 * What all kinds of methods share of limits: a message of the largest size, and above it; running handlers.
 * Errors name the side and the option, and a call that met a limit is no harm to the next one.
 */
import { Status } from 'nice-grpc-common';
import { begin, isFirstFlight, type Kind } from './four-kinds.js';
import { failure, Gate, until } from './waiting.js';
import { type OpenWorld, type RpcCase, type World, type WorldOptions } from './world.js';

export function limitCases(rpcCase: RpcCase, kind: Kind): void {
  // No larger than anything else by being in a first flight, and it takes time.
  if (!isFirstFlight(kind)) largeCases(rpcCase, kind);
  for (const limit of REQUEST_LIMITS) {
    const title = `a request above the limit of the ${limit.side}`;
    if (kind.streamsRequest) {
      rpcCase(title, (open) => streamedRequestAbove(kind, limit, open));
    } else {
      rpcCase(title, async (open) => {
        const { harness, channel, contexts } = await open(limit.options);
        const error = await failure(harness, begin(channel, kind, [ABOVE]));
        expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false });
        expect(error.details).toContain(limit.option);
        expect(contexts).toEqual([]);
        await expectNextIsAnswered({ harness, channel }, kind);
      });
    }
  }
  for (const limit of RESPONSE_LIMITS) {
    rpcCase(`a response above the limit of the ${limit.side}`, (open) => responseAbove(kind, limit, open));
  }

  rpcCase('more handlers than the server runs', async (open) => {
    const gate = new Gate();
    const { harness, channel, contexts } = await open({
      server: { maxRunningHandlers: 2 },
      async *conversation(_requests, { signal }) {
        await gate.pass(signal);
        yield SMALL;
      },
    });
    const calls = [begin(channel, kind, [SMALL]), begin(channel, kind, [SMALL])];
    await until(harness, 'two handlers have started', () => contexts.length === 2);
    const error = await failure(harness, begin(channel, kind, [SMALL]));
    expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false });
    expect(error.details).toContain("the server's maxRunningHandlers");
    gate.open();
    for (const { ended } of calls) expect(await harness.settle(ended)).toBeUndefined();
    expect(contexts).toHaveLength(2);
  });
}

function largeCases(rpcCase: RpcCase, kind: Kind): void {
  rpcCase('4 MiB, both ways: the most that a message may have by default', async (open) => {
    const { harness, channel, contexts } = await open();
    const sent = new Uint8Array(LARGEST).map((_, index) => index ^ (index >> 8) ^ (index >> 16));
    const call = begin(channel, kind, [sent]);
    expect(await harness.settle(call.ended)).toBeUndefined();
    expect(call.responses).toHaveLength(1);
    expect(Buffer.compare(call.responses[0] ?? SMALL, sent)).toBe(0);
    expect(contexts).toHaveLength(1);
  });

  rpcCase('one byte above 4 MiB', async (open) => {
    const { harness, channel, contexts } = await open();
    const error = await failure(harness, begin(channel, kind, [new Uint8Array(LARGEST + 1)]));
    expect(error.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(error.details).toContain("client's maxSendMessageBytes");
    expect(contexts.length).toBeLessThanOrEqual(kind.streamsRequest ? 1 : 0);
  });
}

/** The first message is below the limit, so that the handler certainly runs when the second one is sent. */
async function streamedRequestAbove(kind: Kind, limit: Limit, open: OpenWorld): Promise<void> {
  let endedBy: unknown;
  const received: number[] = [];
  const { harness, channel, contexts, ends } = await open({
    ...limit.options,
    async *conversation(requests) {
      try {
        for await (const { length } of requests) received.push(length);
      } catch (error) {
        endedBy = error;
        throw error;
      }
      yield SMALL;
    },
  });
  const gate = new Gate();
  let isReturned = false;
  async function* requests(): AsyncGenerator<Uint8Array, void> {
    try {
      yield SMALL;
      await gate.pass();
      yield ABOVE;
      for (;;) yield BELOW;
    } finally {
      isReturned = true;
    }
  }
  const call = begin(channel, kind, requests());
  await until(harness, 'the first message has come', () => received.length === 1);
  gate.open();
  const error = await failure(harness, call);
  expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: true });
  expect(error.details).toContain(limit.option);
  await until(harness, 'the handler has ended', () => ends.length === 1);
  expect(endedBy).toMatchObject({ name: 'AbortError' });
  expect(received).toEqual([SMALL.length]);
  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
  expect(isReturned).toBe(true);
  await expectNextIsAnswered({ harness, channel }, kind);
}

async function responseAbove(kind: Kind, limit: Limit, open: OpenWorld): Promise<void> {
  const gate = new Gate();
  let isReturned = false;
  const { harness, channel, contexts, ends } = await open({
    ...limit.options,
    async *conversation(requests, { signal }) {
      for await (const request of requests) {
        yield request;
        if (request.length === 0) return;
      }
      try {
        yield ABOVE;
        // One response is only sent when the handler is done; several are sent at once.
        if (kind.streamsResponse) await gate.pass(signal);
      } finally {
        isReturned = true;
      }
    },
  });
  const call = begin(channel, kind, [SMALL]);
  const error = await failure(harness, call);
  expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: true });
  expect(error.details).toContain(limit.option);
  expect(call.responses.map((each) => [...each])).toEqual(kind.streamsResponse ? [[...SMALL]] : []);
  await until(harness, 'the handler has ended', () => ends.length === 1);
  expect(isReturned).toBe(true);
  expect(contexts).toHaveLength(1);
  await expectNextIsAnswered({ harness, channel }, kind);
}

async function expectNextIsAnswered(
  { harness, channel }: Pick<World, 'harness' | 'channel'>,
  kind: Kind,
): Promise<void> {
  expect(await harness.settle(begin(channel, kind, [NOTHING]).ended)).toBeUndefined();
}

interface Limit {
  readonly side: string;
  /** As errors name it. */
  readonly option: string;
  readonly options: WorldOptions;
}

const REQUEST_LIMITS: readonly Limit[] = [
  {
    side: 'client',
    option: "client's maxSendMessageBytes",
    options: { channel: { maxSendMessageBytes: 1_000 } },
  },
  {
    side: 'server',
    option: "the server's maxReceiveMessageBytes",
    options: { server: { maxReceiveMessageBytes: 1_000 } },
  },
];

const RESPONSE_LIMITS: readonly Limit[] = [
  {
    side: 'server',
    option: "the server's maxSendMessageBytes",
    options: { server: { maxSendMessageBytes: 1_000 } },
  },
  {
    side: 'client',
    option: "client's maxReceiveMessageBytes",
    options: { channel: { maxReceiveMessageBytes: 1_000 } },
  },
];

const NOTHING = new Uint8Array();
const SMALL = Uint8Array.of(1, 2, 3);
const BELOW = new Uint8Array(900);
const ABOVE = new Uint8Array(100_000);

/** As much payload as a message of 4 MiB has: its field takes a tag and a length of four bytes. */
const LARGEST = 4_194_304 - 5;
