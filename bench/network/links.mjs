/**
 * The links that are measured, and how much is fetched over each: enough to be past the start, and not for ever.
 * `isLocal`: so fast that processes are the limit. A bare sender says what they may reach, and the same processes fetch
 * again and again: a third of the first fetch is spent before V8 has compiled what runs.
 */
const MB = 1_000_000;

export const LINKS = {
  loopback: { bytes: 100 * MB, describe: 'one machine, no emulation' },
  lan: { bytes: 20 * MB, describe: '0.2 ms, 400 Mbit/s', isLocal: true },
  'lan-loss1': { bytes: 20 * MB, describe: '0.2 ms, 400 Mbit/s, 1 % loss', isLocal: true },
  wan: { bytes: 20 * MB, describe: '40 ms, 100 Mbit/s' },
  'wan-loss1': { bytes: 20 * MB, describe: '40 ms, 100 Mbit/s, 1 % loss' },
  'lossy-wifi': { bytes: 20 * MB, describe: '20 ms, 50 Mbit/s, bursts of 8 ms' },
  mobile: { bytes: 5 * MB, describe: '80 ms, 20 Mbit/s, 2 % loss' },
  satellite: { bytes: 5 * MB, describe: '600 ms, 20 Mbit/s, 1 % loss' },
  awful: { bytes: 1 * MB, describe: '100 ms, 10 Mbit/s, 10 % loss' },
};

/** With a laboratory all of its links, else the one that every machine has. */
export function chosenLinks(names, isEmulated) {
  const all = Object.keys(LINKS).filter((name) => (name === 'loopback') !== isEmulated);
  const chosen = names === undefined ? all : names.split(',');
  for (const name of chosen) {
    if (!all.includes(name)) throw new Error(`no link '${name}' here: one of ${all.join(', ')}`);
  }
  return chosen;
}
