import { Status } from 'nice-grpc-common';
import { Backend } from '../../../../src/rpc/balancing/backend.js';
import { DEFAULT_OUTLIER_EJECTION } from '../../../../src/rpc/balancing/outlier-ejection.js';
import { NO_CALL_SCOPE } from '../../../../src/rpc/call-scope.js';
import { NO_DIAGNOSTICS } from '../../../../src/rpc/diagnostics.js';
import { Attempt, type AttemptOwner } from '../../../../src/rpc/client/attempt.js';
import { WaitingQuota } from '../../../../src/rpc/client/waiting-list.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';
import { TimerQueue } from '../../../../src/rpc/timer-queue.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { ScriptedConnector } from '../../../support/scripted-transport.js';
import { ScriptedRandom } from '../../../support/scripted-random.js';

function backend(clock: ManualClock): Backend {
  const environment = {
    clock,
    random: new ScriptedRandom(),
    wallTime: () => 0,
    callScope: NO_CALL_SCOPE,
    diagnostics: NO_DIAGNOSTICS,
  };
  const owner = {
    writer: new UnitWriter(),
    timers: new TimerQueue(clock),
    environment,
    waitingQuota: new WaitingQuota(10),
    connectorTo: () => new ScriptedConnector(),
    hasOthersThan: () => true,
    wantsConnection: () => false,
    onBackendState: () => undefined,
    onBackendRoom: () => undefined,
    onStranded: () => undefined,
    onAttemptTaken: () => undefined,
    onAttemptOver: () => undefined,
    onOutlier: () => undefined,
    onRecordChanged: () => undefined,
    medianLatencyBeside: () => undefined,
  };
  return new Backend(owner, { address: '10.0.0.1:5005' }, DEFAULT_OUTLIER_EJECTION);
}

test('an attempt that it has no stream for is given back as if it had never been there, a probe too', () => {
  const clock = new ManualClock();
  const server = backend(clock);
  const now = clock.now();
  server.record.eject(now);
  const { probeAt } = server.record;
  const attempt = new Attempt({} as AttemptOwner, false, 1, now);
  expect(server.tryStart(attempt, probeAt)).toBe(false);
  expect(attempt.server).toBeUndefined();
  expect(server.stats).toMatchObject({ attempts: 0, inFlight: 0, failures: 0, isEjected: true });
  expect(server.record.mayTake(true, probeAt)).toBe(true);
});

test('of what it has answered UNAVAILABLE and DEADLINE_EXCEEDED are failures, other errors are not', () => {
  const server = backend(new ManualClock());
  const attempt = new Attempt({} as AttemptOwner, false, 1, 0);
  for (const code of [Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.NOT_FOUND, Status.OK, undefined]) {
    server.onAttemptOver(attempt, code);
  }
  expect(server.stats.failures).toBe(2);
});
