import { Status } from 'nice-grpc-common';
import { TwoEnds } from './harness/two-ends.js';

describe('a blackout in the middle of a transfer', () => {
  test('of 20 s is survived on the same connection, and costs little more than itself', async () => {
    const ends = new TwoEnds({ delayMs: 20, bytesPerMs: 1_000 });
    const undisturbed = await ends.settle(ends.timed(ends.client.echo({ payload: new Uint8Array(1 << 20) })));
    const states: string[] = [];
    ends.channel.on('state', ({ to }) => states.push(to));
    const startMs = ends.clock.now() + 500;
    const blackouts = [{ startMs, endMs: startMs + 20_000 }];
    ends.set('up', { blackouts });
    ends.set('down', { blackouts });
    const disturbed = await ends.settle(ends.timed(ends.client.echo({ payload: new Uint8Array(1 << 20) })));
    // The probes come at most 1 s apart, and then the window grows again from its minimum.
    expect(disturbed.ms).toBeLessThan(undisturbed.ms + 20_000 + 1_000 + 1_500);
    // Suspect meanwhile, and nobody made a new one.
    expect(states).toEqual(['idle', 'ready']);
    await ends.close();
  });

  test('longer than the idle timeout ends the connection with a clear error, and the next call makes a new one', async () => {
    const ends = new TwoEnds({ delayMs: 20 });
    await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
    const startMs = ends.clock.now();
    const blackouts = [{ startMs, endMs: startMs + 60_000 }];
    ends.set('up', { blackouts });
    ends.set('down', { blackouts });
    const call = ends.client.add({ key: 'k', amount: 1n }, { timeoutMs: 50_000, retry: false });
    const repeated = ends.client.add({ key: 'k', amount: 1n }, { timeoutMs: 50_000 });
    const ended = Promise.allSettled([call, repeated]);
    await expect(ends.settle(call)).rejects.toThrow('nothing received for 30000 ms');
    // [AMO-3] It is asked for again where it may have run, which cannot be reached before its deadline.
    await expect(ends.settle(repeated)).rejects.toMatchObject({
      code: Status.DEADLINE_EXCEEDED,
      maybeExecuted: true,
      history: [
        { details: expect.stringContaining('nothing received for 30000 ms') as string, maybeExecuted: true },
        { maybeExecuted: false },
        { maybeExecuted: false },
      ],
    });
    await ended;
    await ends.wait(30_000);
    expect((await ends.settle(ends.client.add({ key: 'k', amount: 1n }))).total).toBe(1n);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });
});
