import { Resolution } from '../../../../src/rpc/balancing/resolution.js';
import {
  type ResolverListener,
  type ResolverWatch,
  type ServerAddress,
} from '../../../../src/rpc/balancing/resolver.js';
import { NO_CALL_SCOPE } from '../../../../src/rpc/call-scope.js';
import { ManualClock } from '../../../support/manual-clock.js';

const SERVERS: readonly ServerAddress[] = [{ address: '10.0.0.1:5005' }];

class Fixture {
  readonly clock = new ManualClock();
  readonly heard: (readonly ServerAddress[] | string)[] = [];
  readonly listeners: ResolverListener[] = [];
  stopped = 0;
  readonly resolution: Resolution;

  constructor(watch?: (listener: ResolverListener) => ResolverWatch) {
    const stop = (): void => {
      this.stopped += 1;
    };
    const resolver = {
      watch: (listener: ResolverListener) => {
        this.listeners.push(listener);
        return watch === undefined ? { stop } : watch(listener);
      },
    };
    const environment = { clock: this.clock, callScope: NO_CALL_SCOPE };
    this.resolution = new Resolution(resolver, environment, {
      onServers: (servers) => this.heard.push(servers),
      onError: (reason) => this.heard.push(reason),
    });
  }
}

describe('the watch of a resolver', () => {
  test('is begun once, and after its end again', () => {
    const fixture = new Fixture();
    const { resolution, listeners } = fixture;
    resolution.begin();
    resolution.begin();
    expect(listeners).toHaveLength(1);
    resolution.end();
    resolution.end();
    resolution.begin();
    expect(listeners).toHaveLength(2);
    expect(fixture.stopped).toBe(1);
  });

  test('is heard until its end, and not afterwards', () => {
    const fixture = new Fixture();
    fixture.resolution.begin();
    const [listener] = fixture.listeners;
    listener?.onServers(SERVERS);
    listener?.onError('lost');
    fixture.resolution.end();
    expect(fixture.stopped).toBe(1);
    listener?.onServers(SERVERS);
    listener?.onError('late');
    fixture.resolution.begin();
    listener?.onServers(SERVERS);
    expect(fixture.heard).toEqual([SERVERS, 'lost']);
  });

  test('that cannot be begun is an error, and is tried again after 1 s, or when it is asked to look again', async () => {
    const fixture = new Fixture(() => {
      throw new Error('no such catalogue');
    });
    fixture.resolution.begin();
    await fixture.clock.advance(999);
    expect(fixture.heard).toEqual(['the resolver failed: no such catalogue']);
    await fixture.clock.advance(1);
    expect(fixture.listeners).toHaveLength(2);
    expect(fixture.resolution.canRefresh).toBe(true);
    fixture.resolution.refresh();
    expect(fixture.listeners).toHaveLength(3);
    fixture.resolution.end();
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('that throws when it is stopped or asked to look again does no harm: the error surfaces apart', () => {
    const refuse = (): never => {
      throw new Error('not now');
    };
    const fixture = new Fixture(() => ({ stop: refuse, refresh: refuse }));
    const surfaced: (() => void)[] = [];
    fixture.clock.soon = (callback) => surfaced.push(callback);
    fixture.resolution.begin();
    fixture.resolution.refresh();
    fixture.resolution.end();
    expect(surfaced).toHaveLength(2);
    for (const callback of surfaced) expect(callback).toThrow('not now');
  });

  test('that ends it before watch returns is stopped', () => {
    const fixture = new Fixture();
    const resolution: Resolution = new Resolution(
      {
        watch: (listener) => {
          listener.onServers(SERVERS);
          return { stop: () => (fixture.stopped += 1) };
        },
      },
      { clock: fixture.clock, callScope: NO_CALL_SCOPE },
      {
        onServers: () => {
          resolution.end();
        },
        onError: () => undefined,
      },
    );
    resolution.begin();
    expect(fixture.stopped).toBe(1);
  });
});
