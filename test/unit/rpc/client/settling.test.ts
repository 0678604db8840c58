/**
 * Every call ends exactly once, whatever happens in whatever order, and leaves nothing behind: random sequences of what
 * servers, networks, callers and time can do.
 */
import fc from 'fast-check';
import { Status } from 'nice-grpc-common';
import { OK_TRAILER } from '../../../../src/rpc/framing/trailer.js';
import { RpcError } from '../../../../src/rpc/rpc-error.js';
import { ClientFixture, type Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes, ScriptedTransport } from '../../../support/scripted-transport.js';

interface World {
  readonly fixture: ClientFixture;
  readonly calls: Outcome<unknown>[];
  readonly aborts: AbortController[];
  readonly closed: Set<ScriptedTransport>;
  transport: ScriptedTransport | undefined;
}

type Step = (world: World, n: number) => Promise<void> | void;

const streamOf = (world: World, n: number): number =>
  2 * (n % Math.max(1, world.transport?.streamCount ?? 1));

const live = (world: World, act: (transport: ScriptedTransport) => void): void => {
  const { transport } = world;
  if (transport !== undefined && !world.closed.has(transport)) act(transport);
};

const steps: Record<string, Step> = {
  call({ fixture, calls, aborts }, n) {
    const controller = new AbortController();
    aborts.push(controller);
    const options = {
      signal: controller.signal,
      timeoutMs: 1 + (n % 400),
      waitForReady: n % 3 === 0,
      ...(n % 5 === 0 ? { attemptTimeoutMs: 20 } : {}),
    };
    calls.push(n % 2 === 0 ? fixture.echo(options, new Uint8Array(n % 3_000)) : fixture.add(options));
  },
  connect(world, n) {
    const newest = world.fixture.connector.attempts.at(-1);
    if (
      world.fixture.channel.state !== 'connecting' ||
      newest === undefined ||
      world.fixture.channel.peer !== undefined
    )
      return;
    if (n % 4 === 0) {
      world.fixture.connector.failed('refused');
      return;
    }
    const transport = new ScriptedTransport();
    transport.streamLimit = n % 7;
    transport.room = n % 2 === 0 ? Infinity : 50;
    world.transport = transport;
    world.fixture.connector.connected(transport);
  },
  ready: (world) => {
    live(world, (transport) => {
      transport.becomeReady();
    });
  },
  more(world) {
    live(world, (transport) => {
      transport.streamLimit += 3;
      transport.listener.onStreamsAvailable();
    });
  },
  writable: (world, n) => {
    live(world, ({ listener }) => {
      listener.onStreamWritable(streamOf(world, n));
    });
  },
  answer: (world, n) => {
    live(world, (transport) => {
      transport.answer(streamOf(world, n), Uint8Array.of());
    });
  },
  refuse: (world, n) => {
    const trailer = {
      ...OK_TRAILER,
      code: n % 3 === 0 ? Status.NOT_FOUND : Status.UNAVAILABLE,
      notStarted: n % 2 === 0,
    };
    live(world, (transport) => {
      transport.deliver(streamOf(world, n), responseBytes({ trailer }));
    });
  },
  garbage: (world, n) => {
    live(world, (transport) => {
      transport.deliver(streamOf(world, n), Uint8Array.of(n, n, n));
    });
  },
  end: (world, n) => {
    live(world, (transport) => {
      transport.deliver(streamOf(world, n), 'end');
    });
  },
  reset: (world, n) => {
    live(world, ({ listener }) => {
      listener.onStreamReset(streamOf(world, n), n % 7);
    });
  },
  stop: (world, n) => {
    live(world, ({ listener }) => {
      listener.onStreamStopped(streamOf(world, n), n % 7);
    });
  },
  lose(world) {
    live(world, (transport) => {
      world.closed.add(transport);
      transport.closeWith('lost');
    });
  },
  abort({ aborts }, n) {
    aborts[n % Math.max(1, aborts.length)]?.abort();
  },
  time: ({ fixture }, n) => fixture.clock.advance(n % 120),
  turn: () => settle(),
};

test('random lives of a channel: each call settles once, by its deadline, with an RpcError or a response', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  const script = fc.array(
    fc.tuple(fc.constantFrom(...Object.keys(steps), 'call', 'call', 'connect', 'ready'), fc.nat(10_000)),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(script, fc.boolean(), async (plan, closes) => {
      const world: World = {
        fixture: new ClientFixture(),
        calls: [],
        aborts: [],
        closed: new Set(),
        transport: undefined,
      };
      for (const [name, n] of plan) await steps[name]?.(world, n);
      if (closes) await world.fixture.channel.close();
      else await world.fixture.clock.advance(400);
      await settle();
      for (const call of world.calls) {
        expect(call.settledCount).toBe(1);
        if (call.failure !== undefined) expect(call.failure).toBeInstanceOf(RpcError);
      }
      expect(world.fixture.clock.pendingTimers).toBe(0);
      if (!closes) await world.fixture.channel.close();
    }),
    { numRuns: 300 },
  );
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});
