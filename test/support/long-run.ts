/** `npm run test:long` asks for the numbers of tries that say something; everybody else for those that take seconds. */
export const isLong = process.env['UDPRPC_LONG'] === '1';

/** One line of figures, which say more than that the test has passed. */
export function printFigures(row: string, ...figures: readonly string[]): void {
  process.stdout.write(`${row}: ${figures.join(' · ')}\n`);
}

/** The median, the 99th of a hundred, and the most. */
export function quantilesText(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(1);
  return `${at(0.5)} (median), ${at(0.99)} (99 %), ${at(1)} (all)`;
}
