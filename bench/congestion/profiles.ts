/**
 * The links of `netlab profiles` for the simulator: the same delay, jitter, rate, queue and faults, both directions.
 * The rate counts IP packets there, so 28 bytes of headers count for each datagram here.
 */
import { CLEAN_LINK, type LinkConditions } from '../../src/sim/link.js';

export interface Profile {
  readonly link: LinkConditions;
  /** What is fetched over it. */
  readonly bytes: number;
  /** What TCP reaches there in Mbit/s, in iperf3 runs of 6 s: medians of three. */
  readonly tcp: { readonly cubic: number; readonly bbr: number };
}

interface LinkInUnits extends Partial<LinkConditions> {
  readonly delayMs: number;
  readonly mbit: number;
  readonly queueMs: number;
}

function link({ mbit, queueMs, ...conditions }: LinkInUnits): LinkConditions {
  const bytesPerMs = (mbit * 1e6) / 8 / 1_000;
  return {
    ...CLEAN_LINK,
    jitterKeepsOrder: true,
    queueDatagrams: Infinity,
    headerBytes: 28,
    maxDatagramBytes: 1_472,
    bytesPerMs,
    queueBytes: bytesPerMs * queueMs,
    ...conditions,
  };
}

const LAN = { delayMs: 0.1, mbit: 400, queueMs: 5 };
const WAN = { delayMs: 20, mbit: 100, queueMs: 40 };

export const PROFILES: Readonly<Record<string, Profile>> = {
  lan: { link: link(LAN), bytes: 20e6, tcp: { cubic: 386, bbr: 386 } },
  'lan-loss1': { link: link({ ...LAN, lossRate: 0.01 }), bytes: 20e6, tcp: { cubic: 269, bbr: 386 } },
  wan: { link: link(WAN), bytes: 20e6, tcp: { cubic: 93, bbr: 93 } },
  'wan-loss1': { link: link({ ...WAN, lossRate: 0.01 }), bytes: 20e6, tcp: { cubic: 4.2, bbr: 90 } },
  'lossy-wifi': {
    link: link({ delayMs: 10, jitterMs: 4, mbit: 50, queueMs: 60, goodPeriodMs: 300, badPeriodMs: 8 }),
    bytes: 20e6,
    tcp: { cubic: 21, bbr: 47 },
  },
  mobile: {
    link: link({ delayMs: 40, jitterMs: 15, mbit: 20, queueMs: 150, lossRate: 0.02 }),
    bytes: 5e6,
    tcp: { cubic: 1.5, bbr: 16.4 },
  },
  satellite: {
    link: link({ delayMs: 300, mbit: 20, queueMs: 300, lossRate: 0.01 }),
    bytes: 5e6,
    tcp: { cubic: 0.9, bbr: 1.5 },
  },
  awful: {
    link: link({
      delayMs: 50,
      jitterMs: 20,
      mbit: 10,
      queueMs: 100,
      lossRate: 0.1,
      duplicationRate: 0.01,
      corruptionRate: 0.005,
      // There a late packet comes 13.5 ms after its turn, in which the rate carries 13 others.
      reorderRate: 0.02,
      reorderBy: 13,
    }),
    bytes: 1e6,
    tcp: { cubic: 0.25, bbr: 1.7 },
  },
};
