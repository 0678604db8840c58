/** Numbers and texts in columns, as people read them. */

/** `26,841`. */
export function grouped(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** `3.29 MB`: powers of ten, three digits. */
export function formatBytes(bytes: number | bigint): string {
  let value = Number(bytes);
  if (value < 1_000) return `${value} B`;
  let unit = 'B';
  for (unit of ['kB', 'MB', 'GB', 'TB', 'PB', 'EB']) {
    value /= 1_000;
    // What would be rounded up to 1,000 belongs to the next unit.
    if (value < 999.5) break;
  }
  return `${value.toPrecision(3)} ${unit}`;
}

/** `2026-03-01 12:30`, in UTC. */
export function formatTime(time: Date | undefined): string {
  if (time === undefined || Number.isNaN(time.getTime())) return '-';
  return time.toISOString().slice(0, 16).replace('T', ' ');
}

export function formatHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Columns of a terminal that a text takes; wide characters take two, combining ones none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : COMBINING.test(character) ? 0 : 1;
  return columns;
}

/** The text in exactly so many columns, filled with blanks or cut with an ellipsis. */
export function fitted(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const cut = shortened(text, columns);
  const blanks = ' '.repeat(columns - columnsOf(cut));
  return side === 'left' ? cut + blanks : blanks + cut;
}

/** At most so many columns. */
export function shortened(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let cut = '';
  for (const character of text) {
    if (columnsOf(cut + character) > columns - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const COMBINING = /\p{M}/u;
