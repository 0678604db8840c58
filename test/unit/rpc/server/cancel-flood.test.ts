import { CancelMeter } from '../../../../src/rpc/server/cancel-meter.js';
import { CloseCode } from '../../../../src/rpc/framing/reset-code.js';
import { PUT, ServerFixture } from '../../../support/server-fixture.js';
import { type ServedTransport } from '../../../support/served-transport.js';

/** The second in which it takes it for a flood, with this many cancels in each; undefined: not within a minute. */
function floodedAfter(perSecond: (second: number) => number): number | undefined {
  const meter = new CancelMeter(200, 5);
  for (let second = 0; second < 60; second++) {
    const count = perSecond(second);
    for (let index = 0; index < count; index++) {
      if (meter.onCancel(10_000 + second * 1_000 + (index * 1_000) / count)) return second;
    }
  }
  return undefined;
}

describe('a flood of cancelled calls [RPC-13]', () => {
  test('is more than 200 in each of five seconds in a row', () => {
    expect(floodedAfter(() => 201)).toBe(4);
    expect(floodedAfter(() => 20_000)).toBe(4);
    expect(floodedAfter(() => 200)).toBeUndefined();
    expect(floodedAfter((second) => (second % 5 === 4 ? 10 : 1_000))).toBeUndefined();
    expect(floodedAfter((second) => (second % 5 === 4 ? 0 : 1_000))).toBeUndefined();
    expect(floodedAfter((second) => (second === 0 ? 100_000 : 1))).toBeUndefined();
  });

  test('closes its connection, started or not, and others do not notice', async () => {
    const fixture = new ServerFixture();
    const flooder = await fixture.serve();
    const honest = fixture.acceptor.connect();
    let streamId = 0;
    for (let ms = 0; ms < 6_000 && !flooder.log.some((line) => line.startsWith('close')); ms += 100) {
      for (let index = 0; index < 30; index++) {
        if (index === 0 && ms < 2_000) flooder.request(streamId, { path: PUT });
        else flooder.listener.onStreamOpened(streamId, false);
        flooder.cancel(streamId);
        streamId += 2;
      }
      if (ms % 1_000 === 0) {
        honest.request(ms * 2);
        await fixture.clock.advance(0);
        expect(honest.status(ms * 2).code).toBe(0);
      }
      await fixture.clock.advance(100);
    }
    expect(flooder.log.at(-1)).toBe(`close ${CloseCode.CANCEL_FLOOD}`);
    expect(honest.log).toEqual([]);
    for (const put of fixture.puts) put.resolve({ value: 1n });
  });

  test('counts a call once, however it is cancelled, and none that was over', async () => {
    const fixture = new ServerFixture({ maxCancelsPerSecond: 1, cancelFloodSeconds: 1 });
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    client.cancel(0);
    client.cancel(0);
    client.request(2);
    await fixture.clock.advance(0);
    client.cancel(2);
    expect(client.log.filter((line) => line.startsWith('close'))).toEqual([]);
    client.request(4, { path: PUT });
    client.cancel(4);
    expect(client.log.at(-1)).toBe(`close ${CloseCode.CANCEL_FLOOD}`);
  });

  test('is of one connection', async () => {
    const fixture = new ServerFixture({ maxCancelsPerSecond: 1, cancelFloodSeconds: 1 });
    await fixture.serve();
    for (let index = 0; index < 10; index++) {
      const client: ServedTransport = fixture.acceptor.connect();
      client.request(0, { path: PUT });
      client.cancel(0);
      expect(client.log.filter((line) => line.startsWith('close'))).toEqual([]);
    }
  });
});
