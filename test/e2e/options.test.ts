import { createChannel, createServer } from '../../src/index.js';

describe('options that cannot be are refused where they are given', () => {
  test.each([
    [
      { transport: { idleTimeoutMs: -1 } },
      'transport.idleTimeoutMs is -1: it takes a number of ms, from 0 to',
    ],
    [
      { transport: { maxDatagramSize: 1_000 } },
      'transport.maxDatagramSize is 1000: it takes a whole number of bytes',
    ],
    [
      { transport: { congestionControl: 'reno' as 'cubic' } },
      'transport.congestionControl is "reno": it takes "bbr" or "cubic"',
    ],
    [
      { transport: { toleratedLoss: 0.6 } },
      'transport.toleratedLoss is 0.6: it takes a number, from 0 to 0.5',
    ],
    [
      { transport: { busyPollUs: -1 } },
      'transport.busyPollUs is -1: it takes a number of µs, from 0 to 1000',
    ],
    [{ maxWaitingCalls: NaN }, 'maxWaitingCalls is NaN'],
    [{ defaultTimeoutMs: -5 }, 'defaultTimeoutMs is -5'],
    [
      { maxSendMetadataBytes: 11_904 },
      'maxSendMetadataBytes is 11904: it takes a number of bytes, from 0 to 11903',
    ],
    [{ maxReceiveMetadataBytes: -1 }, 'maxReceiveMetadataBytes is -1'],
  ])('by createChannel: %j', (options, message) => {
    expect(() => createChannel('127.0.0.1', options)).toThrow(message);
  });

  test.each([
    [{ limits: { maxHalfOpen: 0 } }, 'limits.maxHalfOpen is 0: it takes a whole number, 1 or more'],
    [{ transport: { maxStreams: 2.5 } }, 'transport.maxStreams is 2.5'],
    [{ transport: { congestionControl: 'toString' as 'bbr' } }, 'transport.congestionControl is "toString"'],
    [{ maxRunningHandlers: 0 }, 'maxRunningHandlers is 0'],
    [{ maxConnectionAgeMs: 0 }, 'maxConnectionAgeMs is 0'],
    [{ maxSendMetadataBytes: Infinity }, 'maxSendMetadataBytes is Infinity'],
    [
      { maxReceiveMetadataBytes: 11_904 },
      'maxReceiveMetadataBytes is 11904: it takes a number of bytes, from 0 to 11903',
    ],
  ])('by createServer: %j', (options, message) => {
    expect(() => createServer(options)).toThrow(message);
  });
});
