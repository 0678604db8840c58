/** A gate lets so many in, the others in order, and says when too many wait. */
import { Gate } from '../../../src/images/gate.js';

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test('runs so many at once and the others in order, failures included', async () => {
  const gate = new Gate(2, 10);
  const started: number[] = [];
  const ends = [0, 1, 2, 3].map(deferred);
  const runs = ends.map((end, index) =>
    gate.run(async () => {
      started.push(index);
      await end.promise;
      if (index === 1) throw new Error('failed');
      return index;
    }),
  );
  const outcomes = Promise.allSettled(runs);
  await Promise.resolve();
  expect(started).toEqual([0, 1]);
  ends[1]?.resolve();
  await expect(runs[1]).rejects.toThrow('failed');
  expect(started).toEqual([0, 1, 2]);
  for (const end of ends) end.resolve();
  expect((await outcomes).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
  expect(started).toEqual([0, 1, 2, 3]);
});

test('refuses when too many wait, and is open again afterwards', async () => {
  const gate = new Gate(1, 1);
  const end = deferred();
  const running = gate.run(() => end.promise);
  const waiting = gate.run(() => Promise.resolve('waited'));
  await expect(gate.run(() => Promise.resolve())).rejects.toThrow('RESOURCE_EXHAUSTED');
  end.resolve();
  await running;
  expect(await waiting).toBe('waited');
  expect(await gate.run(() => Promise.resolve('open'))).toBe('open');
});
