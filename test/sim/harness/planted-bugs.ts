/** The list of bugs that test the simulator: `planted-bugs.json`. They are written in by `test/support/typescript-hooks.mjs`. */
import { readFileSync } from 'node:fs';

export interface PlantedBug {
  readonly floor: string;
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export function readPlantedBugs(): PlantedBug[] {
  return JSON.parse(readFileSync(new URL('../planted-bugs.json', import.meta.url), 'utf8')) as PlantedBug[];
}

/** In how many places of today's code it would fit: in one, unless the code has changed. */
export function placesOf({ file, find }: PlantedBug): number {
  return readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').split(find).length - 1;
}
