/** What a controller is told, with ordinary values for whatever a test does not name. */
import { type AckSample, type LossSample } from '../../src/transport/congestion/congestion-controller.js';
import { type RateSample } from '../../src/transport/recovery/delivery-rate.js';

export function rateSample(fields: Partial<RateSample> = {}): RateSample {
  return {
    deliveryRate: 0,
    isAppLimited: false,
    delivered: 0,
    intervalMs: 0,
    lost: 0,
    priorDelivered: 0,
    inFlightAtSend: 0,
    rttMs: 50,
    totalDelivered: 0,
    ...fields,
  };
}

export function ackSample(
  ackedBytes: number,
  largestSentAt: number,
  fields: Partial<AckSample> = {},
): AckSample {
  return {
    ackedBytes,
    lostBytes: 0,
    largestSentAt,
    priorBytesInFlight: ackedBytes,
    bytesInFlight: 0,
    isAppLimited: false,
    latestRtt: 50,
    smoothedRtt: 50,
    minRtt: 50,
    rate: rateSample(),
    ...fields,
  };
}

export function lossSample(largestSentAt: number, fields: Partial<LossSample> = {}): LossSample {
  return {
    lostBytes: 1_200,
    largestSentAt,
    bytesInFlight: 0,
    isPersistentCongestion: false,
    packets: [],
    totalLost: 1_200,
    ...fields,
  };
}
