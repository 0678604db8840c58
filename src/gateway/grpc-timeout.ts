/**
 * The `grpc-timeout` header (gRPC over HTTP/2): at most eight digits and a unit. Read, it is milliseconds, with a fraction where
 * it is finer; written, it is rounded up, so that the other side never gives up before whoever wrote it.
 */

/** Milliseconds; undefined: it is no timeout. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}

/** Of milliseconds that are left, more than 0. In ms as long as the digits suffice, then in the next unit that does. */
export function formatGrpcTimeout(timeoutMs: number): string {
  for (const [unit, unitMs] of WRITTEN_UNITS) {
    const count = Math.ceil(timeoutMs / unitMs);
    if (count <= MAX_COUNT) return `${count}${unit}`;
  }
  return `${MAX_COUNT}H`;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

const WRITTEN_UNITS = [
  ['m', 1],
  ['S', 1_000],
  ['M', 60_000],
  ['H', 3_600_000],
] as const;

const MAX_COUNT = 99_999_999;
