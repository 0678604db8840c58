import { NO_CALL_SCOPE } from '../../../src/rpc/call-scope.js';
import { NO_DIAGNOSTICS } from '../../../src/rpc/diagnostics.js';
import { crc32 } from 'node:zlib';
import { CLEAN_LINK, type LinkConditions } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { SimAcceptor } from '../../../src/sim/sim-acceptor.js';
import { SimConnector } from '../../../src/sim/sim-connector.js';
import { SimLoop } from '../../../src/sim/sim-loop.js';
import { SimNetwork } from '../../../src/sim/sim-network.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';
import { type RpcHarness } from './harness.js';
import { describeCalls } from './cases.js';

const SERVER_IP = '10.0.0.1';
const CLIENT_IP = '10.0.0.2';

function openHarness(conditions: LinkConditions): RpcHarness {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const network = new SimNetwork({ clock, random: random.fork('network') });
  const loop = new SimLoop(clock);
  const serverHost = network.addHost(SERVER_IP);
  const clientHost = network.addHost(CLIENT_IP);
  network.connect(SERVER_IP, CLIENT_IP, conditions);
  const common = { network, checksum: crc32, touch: loop.touch };
  return {
    environment: {
      clock: serverHost.clock(loop.touch),
      random: random.fork('rpc'),
      wallTime: () => 1_900_000_000_000 + clock.now(),
      callScope: NO_CALL_SCOPE,
      diagnostics: NO_DIAGNOSTICS,
    },
    acceptor: new SimAcceptor({ ...common, host: serverHost, random: random.fork('server') }),
    address: `${SERVER_IP}:5005`,
    connectorTo: (port) =>
      new SimConnector(
        { ...common, host: clientHost, random: random.fork('client') },
        { ip: SERVER_IP, port },
      ),
    settle: (promise) => loop.settle(promise, 600_000),
    async pass(ms) {
      const passed = new Promise<void>((resolve) => {
        clock.setTimer(() => {
          loop.touch();
          resolve();
        }, ms);
      });
      await loop.settle(passed, ms + 1);
    },
    end() {
      expect(serverHost.pendingTimers).toBe(0);
      return Promise.resolve();
    },
  };
}

describeCalls('a clean simulated network', () => openHarness(CLEAN_LINK));

describeCalls('a simulated network that loses 10 %', () =>
  openHarness({ ...CLEAN_LINK, delayMs: 20, lossRate: 0.1 }),
);
