/**
 * [AMP-3] Services that answer anything: a datagram from there is another's answer, or somebody wants us to send them one.
 */
export const REFLECTION_PORTS: ReadonlySet<number> = new Set([
  0, 17, 19, 53, 111, 123, 137, 138, 161, 389, 500, 1_900, 3_702, 5_353, 5_355, 11_211,
]);
