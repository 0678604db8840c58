import { ReceiveWindow, SendCredit } from '../../../../src/transport/stream/flow-control.js';

describe('SendCredit', () => {
  test('[FLC-2] a lower limit is old news', () => {
    const credit = new SendCredit(100);
    expect(credit.raise(50)).toBe(false);
    expect(credit.raise(100)).toBe(false);
    expect(credit.limit).toBe(100);
    expect(credit.raise(101)).toBe(true);
    expect(credit.available).toBe(101);
  });

  test('is never passed', () => {
    const credit = new SendCredit(10);
    credit.use(10);
    expect(() => {
      credit.use(1);
    }).toThrow('assertion');
  });

  test('a provisional limit is replaced by the real one, also by a lower one that was not passed yet', () => {
    const credit = new SendCredit(100, true);
    credit.use(40);
    expect(credit.settle(60)).toBe(true);
    expect(credit.available).toBe(20);
    expect(credit.settle(50)).toBe(true);
    expect(credit.limit).toBe(60);
  });

  test('a real limit below what was used is refused', () => {
    const credit = new SendCredit(100, true);
    credit.use(40);
    expect(credit.settle(39)).toBe(false);
  });

  test('a limit raised before the parameters came stays', () => {
    const credit = new SendCredit(100, true);
    credit.raise(500);
    expect(credit.settle(200)).toBe(true);
    expect(credit.limit).toBe(500);
  });

  test("[FLC-6] a part of the peer's first limit is not for bulk, also where there was none before", () => {
    for (const isProvisional of [false, true]) {
      const credit = new SendCredit(0, isProvisional);
      expect(credit.reserve).toBe(0);
      credit.settle(80_000);
      expect(credit.reserve).toBe(10_000);
      credit.raise(8_000_000);
      expect(credit.reserve).toBe(10_000);
    }
  });

  test('being blocked is reported once for each limit', () => {
    const credit = new SendCredit(10);
    expect(credit.takeBlockedReport()).toBe(false);
    credit.use(10);
    expect([credit.takeBlockedReport(), credit.takeBlockedReport()]).toEqual([true, false]);
    expect([credit.isBlockedAt(10), credit.isBlockedAt(9)]).toEqual([true, false]);
    credit.raise(20);
    expect(credit.isBlockedAt(10)).toBe(false);
    credit.use(10);
    expect(credit.takeBlockedReport()).toBe(true);
  });
});

describe('ReceiveWindow', () => {
  test('lets in what was advertised and not a byte more', () => {
    const window = new ReceiveWindow(100);
    expect(window.receive(100)).toBe(true);
    window.consume(100);
    expect(window.receive(1)).toBe(false);
  });

  test('[FLC-3] is due for a new limit when half of it was consumed', () => {
    const window = new ReceiveWindow(100);
    window.receive(100);
    window.consume(49);
    expect(window.isHalfConsumed).toBe(false);
    window.consume(1);
    expect(window.isHalfConsumed).toBe(true);
    expect(window.advertise()).toBe(150);
    expect(window.isHalfConsumed).toBe(false);
    expect(window.held).toBe(50);
  });

  test('streams: an eighth is given back at once, and a single one when the peer runs low', () => {
    const window = new ReceiveWindow(80);
    window.receive(9);
    window.consume(9);
    expect(window.isRunningLow).toBe(false);
    window.receive(1);
    window.consume(1);
    expect([window.isRunningLow, window.advertise()]).toEqual([true, 90]);
    window.receive(40);
    expect(window.isRunningLow).toBe(false);
    window.consume(1);
    expect([window.isRunningLow, window.advertise()]).toEqual([true, 91]);
  });

  test('a window of one works', () => {
    const window = new ReceiveWindow(1);
    for (let i = 1; i < 5; i++) {
      expect(window.receive(1)).toBe(true);
      expect(window.isHalfConsumed).toBe(false);
      window.consume(1);
      expect([window.isHalfConsumed, window.isRunningLow]).toEqual([true, true]);
      expect(window.advertise()).toBe(i + 1);
    }
  });
});
