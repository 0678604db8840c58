import { Status } from 'nice-grpc-common';
import { type AttemptRecord } from '../../../../src/rpc/attempt-record.js';
import { deadlineMessage, type PassedDeadline } from '../../../../src/rpc/client/deadline-message.js';
import { NO_TRANSPORT_STATS } from '../../../../src/rpc/stream-transport.js';

function attemptTo(peer: string | undefined): AttemptRecord {
  return {
    attempt: 1,
    peer,
    code: Status.DEADLINE_EXCEEDED,
    details: '',
    maybeExecuted: true,
    durationMs: 1,
    rttMs: undefined,
    packetsSent: 0,
    packetsReceived: 0,
    packetsLost: 0,
  };
}

const passed: PassedDeadline = {
  elapsedMs: 2_000.4,
  history: [attemptTo('10.0.0.5:7000')],
  lastFailure: undefined,
  target: 'udp://host:7000',
  stats: undefined,
  isReady: false,
  isWaiting: false,
};

const one = 'after 2000 ms: 1 attempt to 10.0.0.5:7000';
const heard = { ...NO_TRANSPORT_STATS, datagramsReceived: 1 };

describe('the message of a passed deadline', () => {
  test.each<[string, Partial<PassedDeadline>, string]>([
    ['that nothing came', {}, `${one}, no packet received`],
    ['that no attempt was made', { history: [] }, 'after 2000 ms: it was over before the first attempt'],
    [
      'how many attempts there were',
      { history: [1, 2, 3].map(() => attemptTo('10.0.0.5:7000')) },
      'after 2000 ms: 3 attempts to 10.0.0.5:7000, no packet received',
    ],
    [
      'to whom they went, each once, and the target for one without a connection',
      { history: [attemptTo('10.0.0.5:7000'), attemptTo(undefined), attemptTo('10.0.0.5:7000')] },
      'after 2000 ms: 3 attempts to 10.0.0.5:7000 and udp://host:7000, no packet received',
    ],
    ['why the last failed', { lastFailure: 'refused' }, `${one}, the last failed: refused`],
    ['that the server lives but has not answered', { stats: heard, lastFailure: 'x' }, `${one}, no answer`],
    ['that a ready server has not answered', { isReady: true }, `${one}, no answer`],
    ['that there was no free stream', { isReady: true, isWaiting: true }, `${one}, no free stream`],
    [
      'how long nothing was heard',
      { stats: { ...heard, isSuspect: true, lastReceivedAgoMs: 1_499.6 } },
      `${one}, no answer, and nothing received for 1500 ms`,
    ],
  ])('says %s', (_what, changes, message) => {
    expect(deadlineMessage({ ...passed, ...changes })).toBe(message);
  });
});
