/** What a user says of balancing, checked, and the policies that have names. */
import { checkNumbers, withDefaults } from '../../base/number-options.js';
import { type Random } from '../../base/random.js';
import { ConsistentHash } from './consistent-hash.js';
import {
  DEFAULT_OUTLIER_EJECTION,
  OUTLIER_EJECTION_RULES,
  type OutlierEjectionOptions,
  type ResolvedOutlierEjection,
} from './outlier-ejection.js';
import { PickFirst } from './pick-first.js';
import { type Policy } from './policy.js';
import { PowerOfTwo } from './power-of-two.js';
import { RoundRobin } from './round-robin.js';

/**
 * `pick_first`: one for all calls. `round_robin`: each in turn. `power_of_two`: of two at random the one with less to do
 * and quicker answers. `consistent_hash`: the same `hashKey` to the same server.
 */
export type PolicyName = 'pick_first' | 'round_robin' | 'power_of_two' | 'consistent_hash';

/** Which of several servers gets which call. */
export interface BalancingOptions {
  /** Default `round_robin`. An object of one's own belongs to one channel. */
  readonly policy?: PolicyName | Policy | undefined;
  /** Of `consistent_hash`: the metadata key whose value is the key of calls without `hashKey`. Default: none. */
  readonly hashHeader?: string | undefined;
  /** Spares servers that fail one call after the other. Default: after 5 failures in a row, for 5 s and longer; false: never. */
  readonly outlierEjection?: OutlierEjectionOptions | false | undefined;
}

export interface ResolvedBalancing {
  readonly policy: Policy;
  readonly outlierEjection: ResolvedOutlierEjection;
}

/** Throws RangeError. */
export function resolveBalancing(options: BalancingOptions | undefined, random: Random): ResolvedBalancing {
  const given: unknown = options === undefined ? {} : options;
  if (typeof given !== 'object' || given === null)
    throw new RangeError(
      `balancing is ${JSON.stringify(given)}: it takes an object, as { policy: 'round_robin' }`,
    );
  const { policy = 'round_robin', hashHeader, outlierEjection } = options ?? {};
  if (hashHeader !== undefined && policy !== 'consistent_hash')
    throw new RangeError("balancing.hashHeader is for policy: 'consistent_hash'");
  return {
    policy: policyOf(policy, hashHeader, random),
    outlierEjection: resolveEjection(outlierEjection),
  };
}

function policyOf(policy: PolicyName | Policy, hashHeader: string | undefined, random: Random): Policy {
  switch (policy) {
    case 'pick_first':
      return new PickFirst();
    case 'round_robin':
      return new RoundRobin(random);
    case 'power_of_two':
      return new PowerOfTwo(random);
    case 'consistent_hash':
      return new ConsistentHash(random, hashHeader);
    default: {
      const own: unknown = policy;
      if (typeof own === 'object' && own !== null && typeof (own as Policy).pick === 'function')
        return policy;
      throw new RangeError(
        `balancing.policy is ${JSON.stringify(policy)}: it takes 'pick_first', 'round_robin', 'power_of_two', ` +
          `'consistent_hash', or an object with pick(servers, call)`,
      );
    }
  }
}

function resolveEjection(options: OutlierEjectionOptions | false | undefined): ResolvedOutlierEjection {
  if (options === false) return NO_EJECTION;
  checkNumbers(options, OUTLIER_EJECTION_RULES, 'balancing.outlierEjection.');
  return withDefaults(DEFAULT_OUTLIER_EJECTION, options);
}

const NO_EJECTION: ResolvedOutlierEjection = { ...DEFAULT_OUTLIER_EJECTION, maxEjectedShare: 0 };
