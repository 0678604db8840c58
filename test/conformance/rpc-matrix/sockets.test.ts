import { realEnvironment } from '../../../src/driver/real-environment.js';
import { UdpAcceptor } from '../../../src/driver/udp-acceptor.js';
import { UdpConnector } from '../../../src/driver/udp-connector.js';
import { type RpcHarness } from './harness.js';
import { describeCalls } from './cases.js';

/** Real time cannot be skipped: where a case lets time pass to see that nothing more happens, this much must do. */
const LONGEST_PASS_MS = 300;

describeCalls('sockets', (): RpcHarness => ({
  environment: realEnvironment,
  acceptor: new UdpAcceptor({ warn: () => undefined }),
  address: '127.0.0.1:0',
  connectorTo: (port) => new UdpConnector(`udp://127.0.0.1:${port}`),
  settle: (promise) => promise,
  pass: (ms) =>
    new Promise((resolve) => {
      realEnvironment.clock.setTimer(resolve, Math.min(ms, LONGEST_PASS_MS));
    }),
  end: () => Promise.resolve(),
}));
