import { DEFAULT_OUTLIER_EJECTION, ServerRecord } from '../../../../src/rpc/balancing/outlier-ejection.js';

function fail(record: ServerRecord, times: number, now = 0): boolean {
  let isOutlier = false;
  for (let i = 0; i < times; i++) isOutlier = record.onBad(false, now);
  return isOutlier;
}

describe('the record of a server', () => {
  test('it is an outlier after five failures in a row, and a good call begins anew', () => {
    const record = new ServerRecord(DEFAULT_OUTLIER_EJECTION);
    expect(fail(record, 4)).toBe(false);
    record.onGood(false, 0);
    expect(fail(record, 4)).toBe(false);
    expect(fail(record, 1)).toBe(true);
  });

  test('out for 5 s, then one attempt at a time may probe it, one that cannot go elsewhere only 5 s later', () => {
    const record = new ServerRecord(DEFAULT_OUTLIER_EJECTION);
    record.eject(1_000);
    expect([record.isEjected, record.probeAt]).toEqual([true, 6_000]);
    expect([record.mayTake(true, 5_999), record.mayTake(true, 6_000)]).toEqual([false, true]);
    expect([record.mayTake(false, 10_999), record.mayTake(false, 11_000)]).toEqual([false, true]);
    expect([record.onStarted(), record.onStarted()]).toEqual([true, false]);
    expect([record.mayTake(true, 6_001), record.probeAt]).toEqual([false, Infinity]);
    record.onNoProbe();
    expect(record.mayTake(true, 6_002)).toBe(true);
  });

  test('a good probe brings it back, a bad one ejects it for twice as long, up to a minute', () => {
    const record = new ServerRecord(DEFAULT_OUTLIER_EJECTION);
    let now = 0;
    record.eject(now);
    const lengths: number[] = [];
    for (let i = 0; i < 6; i++) {
      lengths.push(record.probeAt - now);
      now = record.probeAt;
      record.onStarted();
      record.onBad(true, now);
    }
    expect(lengths).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    now = record.probeAt;
    record.onStarted();
    expect(record.onGood(true, now)).toBe(true);
    expect([record.isEjected, record.ejections]).toEqual([false, 7]);
    // Again soon after: the time goes on to grow. Long after: as the first time.
    record.eject(now + 1_000);
    expect(record.probeAt).toBe(now + 61_000);
    record.onStarted();
    record.onGood(true, now + 61_000);
    record.eject(now + 500_000);
    expect(record.probeAt).toBe(now + 505_000);
  });

  test('slow answers count where that is asked for, ten in a row, against the others', () => {
    const record = new ServerRecord({ ...DEFAULT_OUTLIER_EJECTION, latencyFactor: 3 });
    const slow = Array.from({ length: 10 }, () => record.onLatency(31, 10));
    expect(slow).toEqual([...Array.from({ length: 9 }, () => false), true]);
    expect(record.onLatency(29, 10)).toBe(false);
    const plain = new ServerRecord(DEFAULT_OUTLIER_EJECTION);
    expect(Array.from({ length: 20 }, () => plain.onLatency(1e9, 1))).not.toContain(true);
  });
});
