/** What a connection makes of it when nothing comes any more. */
import { type Connection } from '../../../../src/transport/connection/connection.js';
import { EndpointPair } from '../../../support/endpoint-pair.js';

const CALL = Uint8Array.of(1, 2, 3);

function call(pair: EndpointPair, client: Connection): number {
  const streamId = client.openStream() as number;
  client.writeStream(streamId, [CALL], true);
  pair.client.touch(client);
  return streamId;
}

/** Established, and from now on nothing arrives, with a call under way. */
function cutOff(idleTimeoutMs = 60_000): { pair: EndpointPair; client: Connection; cutAt: number } {
  const options = { idleTimeoutMs };
  const pair = new EndpointPair({ client: options, server: options });
  const { client } = pair.establish();
  pair.run(() => false, 100);
  pair.filter = () => undefined;
  call(pair, client);
  client.openStream();
  return { pair, client, cutAt: pair.now };
}

describe('a connection of which nothing is heard', () => {
  test('[IDL-4] is suspect after 10 s, once, and goes on probing', () => {
    const { pair, client, cutAt } = cutOff();
    pair.run(() => pair.eventsOf('client', 'suspect').length > 0, 30_000);
    expect(pair.now - cutAt).toBe(10_000);
    expect(pair.eventsOf('client', 'suspect')[0]).toMatchObject({
      reason: 'no answer for 10000 ms, nor anything else',
    });
    expect(client.transportStats(pair.now)).toMatchObject({ isSuspect: true });
    const before = pair.flights.length;
    pair.run(() => false, 10_000);
    expect(pair.flights.length - before).toBeGreaterThanOrEqual(18);
    expect([pair.eventsOf('client', 'suspect').length, client.closed]).toEqual([1, undefined]);
  });

  test('[IDL-4] is suspect as early when it goes on sending, which puts the PTO off', () => {
    const { pair, client, cutAt } = cutOff();
    while (pair.eventsOf('client', 'suspect').length === 0 && pair.now < cutAt + 30_000) {
      pair.run(() => pair.eventsOf('client', 'suspect').length > 0, 100);
      client.writeStream(2, [CALL], false);
      pair.client.touch(client);
    }
    expect(pair.now - cutAt).toBe(10_000);
  });

  test('[IDL-4] [IDL-1] ends by its idle timeout and by nothing before', () => {
    const { pair, client, cutAt } = cutOff(120_000);
    pair.run(() => client.closed !== undefined, 200_000);
    expect(pair.now).toBe(cutAt + 120_000);
    expect(client.closed?.by).toBe('idle');
  });

  test('[IDL-4] is trusted again by the first authentic packet, and the call arrives', () => {
    const { pair, client } = cutOff();
    pair.run(() => pair.eventsOf('client', 'suspect').length > 0, 30_000);
    pair.deliver('client', Uint8Array.of(0x40, ...client.localId, 1, 2, 3, 4, 5, 6, 7, 8));
    expect(pair.eventsOf('client', 'recovered')).toEqual([]);
    pair.filter = ({ bytes }) => bytes;
    pair.run(() => pair.eventsOf('client', 'recovered').length > 0, 2_000);
    expect(client.transportStats(pair.now)).toMatchObject({ isSuspect: false, lastReceivedAgoMs: 0 });
    expect(pair.eventsOf('server', 'streamReadable')).toHaveLength(1);
  });

  test('[IDL-4] is not suspect while it is connecting: then the handshake gives up', () => {
    const pair = new EndpointPair({ client: { handshakeTimeoutMs: 25_000 } });
    pair.filter = () => undefined;
    const client = pair.connect();
    pair.run(() => client.closed !== undefined);
    expect(client.closed?.by).toBe('handshakeTimeout');
    expect(pair.eventsOf('client', 'suspect')).toEqual([]);
  });

  test('[IDL-4] with its own numbers', () => {
    const pair = new EndpointPair({ client: { suspectAfterPtos: 3, suspectAfterMs: 500 } });
    const { client } = pair.establish();
    pair.filter = () => undefined;
    call(pair, client);
    const cutAt = pair.now;
    pair.run(() => pair.eventsOf('client', 'suspect').length > 0, 5_000);
    expect(pair.now - cutAt).toBe(500);
  });
});

describe('a call that takes long', () => {
  test.each([30_000, 3_000])(
    '[IDL-2] keeps an idle timeout of %d ms away for 10 minutes',
    (idleTimeoutMs) => {
      const pair = new EndpointPair({ server: { idleTimeoutMs } });
      const { client, server } = pair.establish();
      call(pair, client);
      pair.run(() => false, 600_000);
      expect([client.closed, server.closed]).toEqual([undefined, undefined]);
      server.writeStream(0, [CALL], true);
      pair.server.touch(server);
      pair.run(() => client.readStream(0) !== undefined, 1_000);
      const pings = pair.flights.filter(({ from, sentAt }) => from === 'client' && sentAt > 2_000);
      // One each time that nothing was heard for a third of it, but not less than 10 s, nor more than a half.
      const silenceMs = Math.min(Math.max(idleTimeoutMs / 3, 10_000), idleTimeoutMs / 2);
      expect(pings.length).toBeLessThanOrEqual(600_000 / silenceMs);
      expect(pings.length).toBeGreaterThan((600_000 / silenceMs) * 0.9);
    },
  );

  test('[IDL-1] ends without a word from the moment that its peer is gone', () => {
    const pair = new EndpointPair();
    const { client } = pair.establish();
    call(pair, client);
    pair.run(() => false, 1_000);
    const lastHeardAt = pair.now - client.transportStats(pair.now).lastReceivedAgoMs;
    pair.filter = ({ from, bytes }) => (from === 'client' ? undefined : bytes);
    pair.run(() => client.closed !== undefined, 120_000);
    // The PING puts it off once.
    expect(pair.now).toBe(lastHeardAt + 10_000 + 30_000);
    expect(client.closed?.reason).toBe('nothing received for 30000 ms, the idle timeout');
  });
});

describe('a process that was stopped for longer than the idle timeout', () => {
  function afterPause(pauseMs: number): { pair: EndpointPair; client: Connection; waiting: Uint8Array } {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    call(pair, client);
    pair.run(() => false, 1_000);
    // The server's answer waits in the socket's buffer while nobody runs.
    server.writeStream(0, [CALL], true);
    pair.server.touch(server);
    let waiting: Uint8Array | undefined;
    pair.filter = ({ from, bytes }) => {
      if (from === 'server') waiting ??= bytes;
      return undefined;
    };
    pair.flush();
    pair.now += pauseMs;
    return { pair, client, waiting: waiting as Uint8Array };
  }

  test('[IDL-3] finds its connection ended, with an error that names the pause', () => {
    const { pair, client } = afterPause(90_000);
    pair.client.handleTimeout(pair.now);
    expect(client.closed?.by).toBe('idle');
    expect(client.closed?.reason).toMatch(
      /^nothing received for 30000 ms, the idle timeout: this process, or its machine, was suspended or busy for at least (79|80)\d{3} ms$/,
    );
  });

  test('[IDL-3] also when what waited in the socket comes first', () => {
    const { pair, client, waiting } = afterPause(90_000);
    pair.deliver('client', waiting);
    expect(client.closed?.reason).toContain('was suspended or busy');
    expect(pair.eventsOf('client', 'streamReadable')).toEqual([]);
  });

  test('[IDL-3] goes on after a shorter one', () => {
    const { pair, client, waiting } = afterPause(29_000);
    pair.deliver('client', waiting);
    expect(client.closed).toBeUndefined();
    expect(pair.eventsOf('client', 'streamReadable')).toHaveLength(1);
  });
});
