/**
 * One process of a measurement. `serve CONTESTANT HOST [ARG…]` prints its port and stays; every other verb is a function of
 * the contestant's module, gets the rest of the arguments, and its result is printed as one line of JSON. `VERB*N` does it N
 * times, one after the other, and prints an array.
 */
const [verbs, name, host, ...args] = process.argv.slice(2);
const contestant = await import(`./contestants/${name}.mjs`);
const [verb, count] = verbs.split('*');

if (verb === 'serve') {
  console.log(await contestant.serve(host, ...args));
} else {
  const results = [];
  for (let i = 0; i < Number(count ?? 1); i++) results.push(await contestant[verb](host, ...args));
  const printed = count === undefined ? results[0] : results;
  process.stdout.write(`${JSON.stringify(printed)}\n`, () => process.exit(0));
}
