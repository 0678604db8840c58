import { IdleTimer } from '../../../../src/transport/connection/idle-timer.js';

test('[IDL-5] a full datagram that none follows is asked about early, and once', () => {
  const idle = new IdleTimer(30_000, 0);
  idle.onReceived(1_000);
  idle.onDatagram(1_199);
  expect(idle.cutOffAt(20)).toBe(Infinity);
  idle.onDatagram(1_200);
  expect(idle.cutOffAt(20)).toBe(1_250);
  expect(idle.cutOffAt(200)).toBe(1_600);
  idle.onPing();
  expect(idle.cutOffAt(20)).toBe(Infinity);
  idle.onReceived(2_000);
  expect(idle.cutOffAt(20)).toBe(2_250);
});

describe('the idle timer', () => {
  test('runs from what was received last', () => {
    const idle = new IdleTimer(30_000, 0);
    expect(idle.deadline(100)).toBe(30_000);
    idle.onReceived(5_000);
    expect(idle.deadline(100)).toBe(35_000);
  });

  test('[IDL-1] only the first ack-eliciting packet after that puts it off', () => {
    const idle = new IdleTimer(30_000, 0);
    idle.onReceived(1_000);
    idle.onAckElicitingSent(2_000);
    idle.onAckElicitingSent(9_000);
    expect(idle.deadline(100)).toBe(32_000);
  });

  test('[IDL-1] takes the smaller of both sides, and none for 0', () => {
    const idle = new IdleTimer(30_000, 0);
    idle.onPeerIdleTimeout(0);
    idle.onPeerIdleTimeout(50_000);
    expect(idle.idleTimeoutMs).toBe(30_000);
    idle.onPeerIdleTimeout(4_000);
    expect(idle.deadline(100)).toBe(4_000);
    expect(new IdleTimer(0, 0).deadline(100)).toBe(Infinity);
  });

  test('[IDL-1] never ends a connection before three probe timeouts', () => {
    expect(new IdleTimer(1_000, 0).deadline(2_000)).toBe(6_000);
  });

  test('[IDL-2] asks for one PING a third of the timeout after the last reception, 10 s at the least', () => {
    const idle = new IdleTimer(60_000, 0);
    expect(idle.pingAt()).toBe(20_000);
    idle.onPing();
    expect(idle.pingAt()).toBe(Infinity);
    idle.onReceived(20_050);
    expect(idle.pingAt()).toBe(40_050);
    expect(new IdleTimer(24_000, 0).pingAt()).toBe(10_000);
  });

  test('[IDL-2] asks after half of a short timeout, so that a lost PING can be repeated', () => {
    expect(new IdleTimer(12_000, 0).pingAt()).toBe(6_000);
    expect(new IdleTimer(50, 0).pingAt()).toBe(25);
  });

  test('names the pause when nobody looked at it in time', () => {
    const idle = new IdleTimer(30_000, 0);
    expect(idle.describeEnd(0)).toBe('nothing received for 30000 ms, the idle timeout');
    expect(idle.describeEnd(999)).toBe('nothing received for 30000 ms, the idle timeout');
    expect(idle.describeEnd(61_000.4)).toBe(
      'nothing received for 30000 ms, the idle timeout: ' +
        'this process, or its machine, was suspended or busy for at least 61000 ms',
    );
  });
});
