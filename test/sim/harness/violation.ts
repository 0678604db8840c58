/** An invariant does not hold: a bug in what is tested, or in the invariant. Ends the run. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function check(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Violation(message());
}
