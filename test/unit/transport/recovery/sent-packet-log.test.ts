import fc from 'fast-check';
import { SentPacketLog } from '../../../../src/transport/recovery/sent-packet-log.js';
import { sentPacket } from './packets.js';

function contents(log: SentPacketLog): number[] {
  const numbers: number[] = [];
  for (let cursor = log.start; cursor < log.end; cursor = log.next(cursor + 1)) {
    numbers.push(log.at(cursor).packetNumber);
  }
  return numbers;
}

type Step =
  | { readonly kind: 'append'; readonly gaps: readonly number[] }
  | { readonly kind: 'remove'; readonly from: number; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    gaps: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 80 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), from: fc.nat(1_000), count: fc.nat(100) }),
);

test('holds what was appended and not removed, in order, and finds it by number', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(fc.nat(2_000), { maxLength: 20 }),
      (steps, probes) => {
        const log = new SentPacketLog();
        let model: number[] = [];
        let newest = -1;
        for (const each of steps) {
          if (each.kind === 'append') {
            for (const gap of each.gaps) {
              newest += gap;
              log.append(sentPacket(newest, 0));
              model.push(newest);
            }
          } else {
            const removed = model.filter(
              (_, i) => i >= each.from % 100 && i < (each.from % 100) + each.count,
            );
            for (const number of removed) log.removeAt(log.seek(number));
            model = model.filter((number) => !removed.includes(number));
          }
          expect(log.count).toBe(model.length);
          expect(contents(log)).toEqual(model);
          for (const probe of probes) {
            const cursor = log.seek(probe);
            const found = cursor < log.end ? log.at(cursor).packetNumber : undefined;
            expect(found).toBe(model.find((number) => number >= probe));
          }
        }
      },
    ),
  );
});

test('one packet that is never settled does not make a million settled ones stay', () => {
  const log = new SentPacketLog();
  log.append(sentPacket(0, 0));
  for (let number = 1; number <= 1_000_000; number++) {
    log.append(sentPacket(number, 0));
    log.removeAt(log.seek(number));
    if (number % 100_000 === 0) expect(log.end - log.start).toBeLessThanOrEqual(64);
  }
  expect(contents(log)).toEqual([0]);
});

test('numbers must rise', () => {
  const log = new SentPacketLog();
  log.append(sentPacket(7, 0));
  expect(() => {
    log.append(sentPacket(7, 0));
  }).toThrow('packet numbers must rise');
});
