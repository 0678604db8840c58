import { Suspicion } from '../../../../src/transport/connection/suspicion.js';

describe('the suspicion', () => {
  test('[IDL-4] takes both: probes in a row, and time', () => {
    const suspicion = new Suspicion(8, 10_000);
    expect(suspicion.onPto(20, 1_000, 10_999)).toBe(false);
    expect(suspicion.onPto(7, 1_000, 60_000)).toBe(false);
    expect(suspicion.isSuspect).toBe(false);
    expect(suspicion.onPto(8, 1_000, 11_000)).toBe(true);
    expect(suspicion.isSuspect).toBe(true);
  });

  test('is told once, and again after it was lifted', () => {
    const suspicion = new Suspicion(8, 10_000);
    expect(suspicion.onReceived()).toBe(false);
    suspicion.onPto(8, 0, 10_000);
    expect(suspicion.onPto(9, 0, 11_000)).toBe(false);
    expect(suspicion.onReceived()).toBe(true);
    expect(suspicion.onReceived()).toBe(false);
    expect(suspicion.onPto(8, 20_000, 30_000)).toBe(true);
  });
});
