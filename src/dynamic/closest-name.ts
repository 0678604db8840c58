/** What somebody may have meant who wrote a name that is not there. */

/**
 * `: did you mean NAME?`, or, where nothing is close, what there is, `. It has A, B and 3 more`; the empty string where
 * there is nothing. `intro`: begins the list.
 */
export function didYouMean(name: string, known: readonly string[], intro = 'There is'): string {
  const closest = closestName(name, known);
  if (closest !== undefined) return `: did you mean ${closest}?`;
  if (known.length === 0) return '';
  const rest = known.length - MAX_LISTED;
  const listed = known.slice(0, MAX_LISTED).join(', ');
  return `. ${intro} ${listed}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Undefined where none is close: the same but for case, package or a third of the letters. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known.slice(0, MAX_COMPARED)) {
    for (const form of new Set([candidate, lastPart(candidate)])) {
      const distance = editDistance(wanted, plain(form));
      if (distance >= bestDistance || distance > Math.max(wanted.length, form.length) / 3) continue;
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

function plain(name: string): string {
  return name.slice(0, MAX_LENGTH).toLowerCase().replaceAll('_', '');
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** How many letters have to be put in, taken out, changed, or swapped with the next (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? at(before, j - 2) + 1 : Infinity;
      next.push(Math.min(change, swap, at(row, j) + 1, at(next, j - 1) + 1));
    }
    before = row;
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}

const MAX_LISTED = 12;
const MAX_COMPARED = 1_000;
const MAX_LENGTH = 100;
