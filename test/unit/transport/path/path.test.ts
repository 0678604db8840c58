import { RemoteIds } from '../../../../src/transport/path/remote-ids.js';
import { Path } from '../../../../src/transport/path/path.js';

const DESTINATION = new RemoteIds(new Uint8Array(8), { maxActive: 4, maxRetiring: 16, idBytes: 8 }).first;
const REMOTE = { ip: '10.0.0.1', port: 7_000 };

describe('a path', () => {
  test('[AMP-1] lets three times as much out as came in, until it is validated', () => {
    const path = new Path(REMOTE, 0, false, DESTINATION);
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
    const path = new Path(REMOTE, 2, true, DESTINATION);
    expect(path.isSame({ ip: '10.0.0.1', port: 7_000 }, 2)).toBe(true);
    expect(path.isSame({ ip: '10.0.0.1', port: 7_001 }, 2)).toBe(false);
    expect(path.isSame({ ip: '10.0.0.2', port: 7_000 }, 2)).toBe(false);
    expect(path.isSame({ ip: '10.0.0.1', port: 7_000 }, 1)).toBe(false);
  });
});
