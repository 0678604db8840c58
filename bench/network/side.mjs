/**
 * One process of a measurement. `serve CONTESTANT HOST [ARG…]` prints its port and stays; every other verb is a function of
 * the contestant's module, gets the rest of the arguments, and its result is printed as one line of JSON.
 */
const [verb, name, host, ...args] = process.argv.slice(2);
const contestant = await import(`./contestants/${name}.mjs`);

if (verb === 'serve') {
  console.log(await contestant.serve(host, ...args));
} else {
  const result = await contestant[verb](host, ...args);
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
