import { Suspicion } from '../../../../src/transport/connection/suspicion.js';

const RTT_MS = 20;

describe('the suspicion', () => {
  test('[IDL-4] is due when nothing came for its time, after something was asked', () => {
    const suspicion = new Suspicion(8, 10_000);
    expect(suspicion.dueAt(Infinity, 50, RTT_MS)).toBe(Infinity);
    expect(suspicion.dueAt(1_000, 50, RTT_MS)).toBe(11_000);
    expect(suspicion.onDue(11_000, 11_000)).toBe(true);
    expect(suspicion.isSuspect).toBe(true);
  });

  test('[IDL-4] [REC-6] waits for as long as the probes take on a slow path', () => {
    // 2 + 4 + 8 + 8 + … s: the backoff ends at four round trips.
    expect(new Suspicion(8, 10_000).dueAt(0, 2_000, 2_000)).toBe(2_000 + 4_000 + 6 * 8_000);
    // 100 + 200 + 400 + 800 + 1,000 ms.
    expect(new Suspicion(5, 0).dueAt(0, 100, RTT_MS)).toBe(2_500);
  });

  test('is told once, and again after it was lifted', () => {
    const suspicion = new Suspicion(8, 10_000);
    expect(suspicion.onReceived()).toBe(false);
    suspicion.onDue(10_000, 10_000);
    expect(suspicion.dueAt(0, 50, RTT_MS)).toBe(Infinity);
    expect(suspicion.onReceived()).toBe(true);
    expect(suspicion.onReceived()).toBe(false);
    expect(suspicion.dueAt(20_000, 50, RTT_MS)).toBe(30_000);
  });

  test('gives a process that slept a second to read what waits in its socket', () => {
    const suspicion = new Suspicion(8, 10_000);
    expect(suspicion.onDue(10_000, 16_000)).toBe(false);
    expect(suspicion.dueAt(0, 50, RTT_MS)).toBe(17_000);
    expect(suspicion.onDue(17_000, 17_000)).toBe(true);
  });
});
