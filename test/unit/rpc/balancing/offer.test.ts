import { type OfferedServer, offerOf, without } from '../../../../src/rpc/balancing/offer.js';

interface Facts {
  readonly priority?: number;
  readonly isReady?: boolean;
  readonly isReachable?: boolean;
  /** Ejected, and to be probed then. */
  readonly probeAt?: number;
}

function server({ priority = 0, isReady = true, isReachable = true, probeAt }: Facts = {}): OfferedServer {
  return {
    ...{ priority, isReady, isReachable },
    record: {
      isEjected: probeAt !== undefined,
      probeAt: probeAt ?? Infinity,
      mayTake: (_, now) => probeAt === undefined || now >= probeAt,
    },
  };
}

const NOW = 1_000;

describe('what a policy is offered', () => {
  test('those that are ready, or those that can be reached', () => {
    const ready = server();
    const connecting = server({ isReady: false });
    const lost = server({ isReady: false, isReachable: false });
    expect(offerOf([ready, connecting, lost], undefined, NOW).servers).toEqual([ready]);
    expect(offerOf([ready, connecting, lost], 'usable', NOW).servers).toEqual([ready, connecting]);
    expect(offerOf([lost], 'usable', NOW).servers).toEqual([]);
  });

  test('those of the lowest priority that has any, and connections up to the lowest that can be reached', () => {
    const lost = server({ isReady: false, isReachable: false });
    const connecting = server({ isReady: false, priority: 1 });
    const ready = server({ priority: 2 });
    const offer = offerOf([lost, connecting, ready], undefined, NOW);
    expect([offer.servers, offer.priority]).toEqual([[ready], 1]);
    expect(offerOf([lost], undefined, NOW).priority).toBe(Infinity);
  });

  test('not those that are ejected, until their probe is due; all of them when none is left', () => {
    const good = server();
    const out = server({ probeAt: NOW + 500 });
    const offer = offerOf([good, out], undefined, NOW);
    expect(offer).toEqual({ servers: [good], priority: 0, hasProbation: false, validUntil: NOW + 500 });
    expect(offerOf([good, out], undefined, NOW + 500)).toMatchObject({
      servers: [good, out],
      hasProbation: true,
      validUntil: Infinity,
    });
    expect(offerOf([out], undefined, NOW).servers).toEqual([out]);
  });

  test('an ejected priority gives way to the next', () => {
    const out = server({ probeAt: NOW + 500 });
    const next = server({ priority: 1 });
    expect(offerOf([out, next], undefined, NOW)).toMatchObject({ servers: [next], priority: 1 });
  });
});

test('without: those that are better, or all where none is', () => {
  expect(without([1, 2, 3], (n) => n < 3)).toEqual([3]);
  expect(without([1, 2, 3], () => true)).toEqual([1, 2, 3]);
});
