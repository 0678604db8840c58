/**
 * A channel and a client of the test service, in a world that the test plays: time, chance, and the connection. Calls
 * are recorded with how they ended, so that a test can look at one without waiting for it.
 */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { NO_CALL_SCOPE } from '../../src/rpc/call-scope.js';
import { type Diagnostics, NO_DIAGNOSTICS } from '../../src/rpc/diagnostics.js';
import { Channel, type ChannelOptions, type ChannelStateChange } from '../../src/rpc/client/channel.js';
import { type RpcCallOptions } from '../../src/rpc/client/call-options.js';
import { createClient } from '../../src/rpc/client/client-factory.js';
import { RpcError } from '../../src/rpc/rpc-error.js';
import { type Client } from '../../src/rpc/service-definition.js';
import { ManualClock } from './manual-clock.js';
import { ScriptedRandom } from './scripted-random.js';
import { ScriptedConnector } from './scripted-transport.js';

export type TestClient = Client<typeof TestServiceDefinition, RpcCallOptions>;

export class ClientFixture {
  readonly clock = new ManualClock();
  readonly random = new ScriptedRandom();
  readonly connector = new ScriptedConnector();
  readonly states: ChannelStateChange[] = [];
  readonly channel: Channel;
  readonly client: TestClient;
  /** What `Date.now` would say. */
  wallTime = Date.UTC(2030, 0, 1);

  constructor(options: ChannelOptions = {}, diagnostics: Diagnostics = NO_DIAGNOSTICS) {
    const environment = {
      clock: this.clock,
      random: this.random,
      wallTime: () => this.wallTime,
      callScope: NO_CALL_SCOPE,
      diagnostics,
    };
    this.channel = new Channel(this.connector, environment, options);
    this.channel.on('state', (change) => this.states.push(change));
    this.client = createClient(TestServiceDefinition, this.channel);
  }

  /** `from>to` of each change so far. */
  get stateNames(): string[] {
    return this.states.map(({ from, to }) => `${from}>${to}`);
  }

  /** A call that may run twice, so that it rides in the first flight and is retried. */
  echo(
    options?: RpcCallOptions,
    payload: Uint8Array = Uint8Array.of(1, 2, 3),
  ): Outcome<{ payload: Uint8Array }> {
    return new Outcome(this.client.echo({ payload }, options));
  }

  /** A call that must not run twice. */
  add(options?: RpcCallOptions): Outcome<{ total: bigint }> {
    return new Outcome(this.client.add({ key: 'k', amount: 1n }, options));
  }
}

/** How a call ended, when it has. */
export class Outcome<Response> {
  value: Response | undefined;
  failure: unknown;
  settledCount = 0;

  constructor(promise: Promise<Response>) {
    promise.then(
      (value) => {
        this.value = value;
        this.settledCount += 1;
      },
      (error: unknown) => {
        this.failure = error;
        this.settledCount += 1;
      },
    );
  }

  get isPending(): boolean {
    return this.settledCount === 0;
  }

  /** The RpcError that it failed with. */
  get error(): RpcError {
    if (this.failure instanceof RpcError) return this.failure;
    if (this.failure instanceof Error) throw this.failure;
    throw new Error(this.isPending ? 'the call is pending still' : 'the call did not fail');
  }
}
