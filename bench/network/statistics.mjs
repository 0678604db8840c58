/** Medians with their spread: the only form in which results are printed. */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function quantile(numbers, fraction) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))];
}

/** `12.3 (11.0..14.2)`. */
export function spread(numbers, digits) {
  if (numbers.length === 0) return '-';
  const least = Math.min(...numbers).toFixed(digits);
  const most = Math.max(...numbers).toFixed(digits);
  return `${median(numbers).toFixed(digits)} (${least}..${most})`;
}
