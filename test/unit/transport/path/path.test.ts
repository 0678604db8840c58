import { Path } from '../../../../src/transport/path/path.js';

const REMOTE = { ip: '10.0.0.1', port: 7_000 };

describe('a path', () => {
  test('[AMP-1] lets three times as much out as came in, until it is validated', () => {
    const path = new Path(REMOTE, 0, false);
    expect(path.allowance).toBe(0);
    path.onReceived(1_200);
    expect(path.allowance).toBe(3_600);
    path.onSent(3_000);
    expect(path.allowance).toBe(600);
    path.onSent(700);
    expect(path.allowance).toBe(0);
    path.onReceived(100);
    expect(path.allowance).toBe(200);
    path.onValidated();
    expect(path.allowance).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('is the same only with the same address, port and socket', () => {
    const path = new Path(REMOTE, 2, true);
    expect(path.isSame({ ip: '10.0.0.1', port: 7_000 }, 2)).toBe(true);
    expect(path.isSame({ ip: '10.0.0.1', port: 7_001 }, 2)).toBe(false);
    expect(path.isSame({ ip: '10.0.0.2', port: 7_000 }, 2)).toBe(false);
    expect(path.isSame({ ip: '10.0.0.1', port: 7_000 }, 1)).toBe(false);
  });
});
