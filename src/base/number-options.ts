/**
 * What a user may give for an option that is a number, and the one place that says no: at once, where the channel or the
 * server is made, naming the option, what was given, and what it takes.
 */
export interface NumberRule {
  readonly min: number;
  readonly max?: number;
  /** Whole numbers only. Infinity counts as one where `max` allows it. */
  readonly isWhole?: boolean;
  /** For a person: `ms`, `bytes`. */
  readonly unit?: string;
}

export type NumberRules<Options> = {
  readonly [
    Name in keyof Options as number extends Extract<Options[Name], number> ? Name : never
  ]-?: NumberRule;
};

/** Throws RangeError for the first number that its rule does not allow. What is undefined is not given. */
export function checkNumbers<Options extends object>(
  options: Options | undefined,
  rules: NumberRules<Options>,
  prefix = '',
): void {
  if (options === undefined) return;
  for (const [name, rule] of Object.entries<NumberRule>(rules)) {
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined && !isAllowed(value, rule))
      throw new RangeError(complaint(prefix + name, value, rule));
  }
}

/** The defaults with what was given laid over them; what was given as undefined is not given. */
export function withDefaults<Options extends object>(
  defaults: Options,
  given: { readonly [Name in keyof Options]?: Options[Name] | undefined } | undefined,
): Options {
  const entries = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(entries) };
}

function isAllowed(value: unknown, { min, max = Infinity, isWhole = false }: NumberRule): boolean {
  if (typeof value !== 'number' || !(value >= min && value <= max)) return false;
  return !isWhole || value === Infinity || Number.isInteger(value);
}

function complaint(name: string, value: unknown, { min, max = Infinity, isWhole, unit }: NumberRule): string {
  const kind = `a ${isWhole === true ? 'whole ' : ''}number${unit === undefined ? '' : ` of ${unit}`}`;
  const range = max === Infinity ? `${min} or more` : `from ${min} to ${max}`;
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return `${name} is ${given}: it takes ${kind}, ${range}`;
}
