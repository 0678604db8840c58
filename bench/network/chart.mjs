/** The table of `fetch.mjs` as a picture: a group of bars for each link, on a logarithmic scale, whiskers from least to most. */
import { median } from './statistics.mjs';

const COLORS = ['#1f6feb', '#0a9396', '#8957e5', '#9a6700', '#cf222e', '#6e7781'];
const LEFT = 130;
const WIDTH = 760;
const BAR = 14;
const GAP = 18;

export function drawBars(results) {
  const labels = [...new Set(results.flatMap(({ samples }) => Object.keys(samples)))];
  const values = results.flatMap(({ samples }) =>
    Object.values(samples).flatMap((taken) => taken.map(({ mbit }) => mbit)),
  );
  const decades = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const x = (mbit) =>
    LEFT + ((Math.log10(mbit) - decades[0]) / (decades[1] - decades[0])) * (WIDTH - LEFT - 70);
  const parts = [];
  let y = 64;
  for (const { link, samples } of results) {
    parts.push(text(LEFT - 10, y + (Object.keys(samples).length * BAR) / 2 + 4, link, 'end', 13));
    for (const [label, taken] of Object.entries(samples)) {
      const mbits = taken.map(({ mbit }) => mbit);
      const end = x(median(mbits));
      const middle = y + BAR / 2 - 1;
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${round(end - LEFT)}" height="${BAR - 2}" fill="${COLORS[labels.indexOf(label) % COLORS.length]}"/>`,
        `<path d="M${round(x(Math.min(...mbits)))} ${middle}H${round(x(Math.max(...mbits)))}" stroke="#24292f"/>`,
        text(round(x(Math.max(...mbits))) + 5, middle + 4, median(mbits).toPrecision(3), 'start', 11),
      );
      y += BAR;
    }
    y += GAP;
  }
  const grid = [];
  for (let decade = decades[0]; decade <= decades[1]; decade++) {
    const at = round(x(10 ** decade));
    grid.push(
      `<path d="M${at} 56V${y - GAP / 2}" stroke="#d0d7de"/>`,
      text(at, 50, `${10 ** decade}`, 'middle', 11),
    );
  }
  const legend = labels.map((label, i) => {
    const at = LEFT + i * 108;
    return `<rect x="${at}" y="24" width="10" height="10" fill="${COLORS[i % COLORS.length]}"/>${text(at + 14, 33, label, 'start', 12)}`;
  });
  const rounds = [...new Set(results.map((result) => result.rounds))].join(' or ');
  const title = `Goodput of one fetch, Mbit/s, median of ${rounds} (least to most)`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif">`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    text(LEFT, 15, title, 'start', 13),
    ...legend,
    ...grid,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(x, y, content, anchor, size) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="#24292f">${content}</text>`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}
