/** `npm run test:long` asks for the numbers of tries that say something; everybody else for those that take seconds. */
export const isLong = process.env['UDPRPC_LONG'] === '1';

/** One line of figures, which say more than that the test has passed. */
export function printFigures(row: string, ...figures: readonly string[]): void {
  process.stdout.write(`${row}: ${figures.join(' · ')}\n`);
}
