/**
 * An example to copy: how the user of a service tests it under loss, blackouts and restarts, with `udprpc/testing`. The
 * service is an account book; paying in is not idempotent, so what matters is that no payment is ever booked twice.
 */
import { type AddRequest, type PutRequest, TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createClient, RpcError, ServerError, Status } from '../../src/index.js';
import {
  createInMemoryServer,
  createSimulatedNetwork,
  type SimulatedNetwork,
} from '../../src/testing/index.js';

const BANK = '10.0.0.1:5005';

/** Two methods of the project's test service stand for what a user would generate. */
const { add, put } = TestServiceDefinition.methods;
const BankServiceDefinition = {
  name: 'BankService',
  fullName: 'bank.v1.BankService',
  methods: { add, put },
} as const;

/** The service under test, as its author wrote it: it knows nothing of tests. */
class AccountBook {
  readonly balances = new Map<string, bigint>();
  readonly #write: () => Promise<void>;

  /** `write` takes the time that a disk takes. */
  constructor(write = () => Promise.resolve()) {
    this.#write = write;
  }

  async add({ key, amount }: AddRequest) {
    if (amount <= 0n) throw new ServerError(Status.INVALID_ARGUMENT, `${amount} cannot be paid in`);
    await this.#write();
    const total = (this.balances.get(key) ?? 0n) + amount;
    this.balances.set(key, total);
    return { total };
  }

  async put({ key, value }: PutRequest) {
    await this.#write();
    this.balances.set(key, value);
    return { value };
  }
}

async function openBank(network: SimulatedNetwork, book: AccountBook): Promise<void> {
  const server = network.createServer();
  server.add(BankServiceDefinition, book);
  await server.listen(BANK);
}

test('without a network: a payment is booked, a negative one is refused', async () => {
  await using memory = createInMemoryServer();
  memory.server.add(BankServiceDefinition, new AccountBook());
  const bank = createClient(BankServiceDefinition, memory.channel);
  await expect(bank.add({ key: 'ada', amount: 5n })).resolves.toEqual({ total: 5n });
  await expect(bank.add({ key: 'ada', amount: -5n })).rejects.toMatchObject({
    code: Status.INVALID_ARGUMENT,
  });
});

test.each([1, 2, 3, 4, 5])('under 10 %% loss every payment is booked once (seed %i)', async (seed) => {
  await using network = createSimulatedNetwork({ seed, delayMs: 20, jitterMs: 10, lossRate: 0.1 });
  const book = new AccountBook(() => network.sleep(5));
  await openBank(network, book);
  const bank = createClient(BankServiceDefinition, network.createChannel(BANK));

  for (let payment = 0; payment < 50; payment++) await network.run(bank.add({ key: 'ada', amount: 1n }));
  const others = Array.from({ length: 50 }, () => bank.add({ key: 'bob', amount: 2n }));
  await network.run(Promise.all(others));

  expect(book.balances).toEqual(
    new Map([
      ['ada', 50n],
      ['bob', 100n],
    ]),
  );
  expect(network.stats().lost).toBeGreaterThan(0);
});

test('a blackout of two seconds delays a payment and does not lose it', async () => {
  await using network = createSimulatedNetwork({ delayMs: 20 });
  const book = new AccountBook();
  await openBank(network, book);
  const bank = createClient(BankServiceDefinition, network.createChannel(BANK));
  await network.run(bank.put({ key: 'ada', value: 10n }));

  network.setConditions({ lossRate: 1 });
  const payment = bank.add({ key: 'ada', amount: 1n });
  await network.advance(2_000);
  network.setConditions({ lossRate: 0 });

  await expect(network.run(payment)).resolves.toEqual({ total: 11n });
});

test('a payment that was under way when the bank was killed is booked at most once, and its error says so', async () => {
  await using network = createSimulatedNetwork({ delayMs: 20 });
  const book = new AccountBook(() => network.sleep(1_000));
  await openBank(network, book);
  const bank = createClient(BankServiceDefinition, network.createChannel(BANK));
  await network.run(bank.put({ key: 'ada', value: 10n }));

  const payment = bank.add({ key: 'ada', amount: 1n });
  await network.advance(500);
  network.crash('10.0.0.1');
  await openBank(network, book);

  const error = await network.run(payment).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RpcError);
  expect(error).toMatchObject({ maybeExecuted: true });
  expect(book.balances.get('ada')).toBe(11n);
});
