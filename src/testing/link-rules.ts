/**
 * What a test has said about the links, in order: the conditions of a link are those of the beginning, overlaid by each rule
 * that is about its direction. Kept as rules, because links come to be when hosts first speak to each other.
 */
import { checkNumbers, type NumberRules } from '../base/number-options.js';
import { CLEAN_LINK, type LinkConditions } from '../sim/link.js';

/** Which links: from a host, to a host, both or, with neither, all. Hosts by the IP address that they began with. */
export interface LinkDirection {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Conditions to set; the others stay. */
export type ConditionChanges = {
  readonly [Name in keyof LinkConditions]?: LinkConditions[Name] | undefined;
};

export class LinkRules {
  readonly #rules: { readonly direction: LinkDirection; readonly conditions: Partial<LinkConditions> }[] = [];

  /** What is left out, or undefined, stays as it was. Throws RangeError. */
  add(conditions: ConditionChanges, direction: LinkDirection = {}): void {
    checkNumbers<ConditionChanges>(conditions, CONDITION_RULES);
    const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
    this.#rules.push({ direction, conditions: Object.fromEntries(given) });
  }

  conditionsOf(fromIp: string, toIp: string): LinkConditions {
    let conditions = CLEAN_LINK;
    for (const rule of this.#rules) {
      if (isAbout(rule.direction, fromIp, toIp)) conditions = { ...conditions, ...rule.conditions };
    }
    return conditions;
  }
}

export function isAbout({ from, to }: LinkDirection, fromIp: string, toIp: string): boolean {
  return (from ?? fromIp) === fromIp && (to ?? toIp) === toIp;
}

const RATE = { min: 0, max: 1 };
const A_DAY_MS = { min: 0, max: 86_400_000, unit: 'ms' };

const CONDITION_RULES: NumberRules<ConditionChanges> = {
  delayMs: A_DAY_MS,
  jitterMs: A_DAY_MS,
  lossRate: RATE,
  burstRate: RATE,
  burstLength: { min: 1, isWhole: true },
  goodPeriodMs: A_DAY_MS,
  badPeriodMs: A_DAY_MS,
  duplicationRate: RATE,
  replayRate: RATE,
  replayDelayMs: A_DAY_MS,
  reorderRate: RATE,
  reorderBy: { min: 1, isWhole: true },
  corruptionRate: RATE,
  truncationRate: RATE,
  extensionRate: RATE,
  splicingRate: RATE,
  bytesPerMs: { min: Number.MIN_VALUE, unit: 'bytes' },
  queueDatagrams: { min: 0 },
  queueBytes: { min: 0, unit: 'bytes' },
  headerBytes: { min: 0, unit: 'bytes' },
  maxDatagramBytes: { min: 0, unit: 'bytes' },
};
