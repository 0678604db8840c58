import fc from 'fast-check';
import { Hedge, type HedgeFailure, type HedgeStep } from '../../../../src/rpc/client/hedge.js';

const HAS_BUDGET = true;

/** With its first attempt sent at 0. */
function sentHedge(attempts: number, delayMs = 100): Hedge {
  const hedge = new Hedge({ attempts, delayMs });
  hedge.onBegun();
  hedge.onSent(0);
  return hedge;
}

function sendNext(hedge: Hedge, now: number): void {
  hedge.onBegun();
  hedge.onSent(now);
}

const failed = (more: Partial<HedgeFailure> = {}): HedgeFailure => ({ wasSent: true, ...more });

describe('a hedged call', () => {
  test('begins another attempt whenever the last has had no answer for the delay, up to its number', () => {
    const hedge = sentHedge(3);
    expect(hedge.dueAt).toBe(100);
    expect(hedge.onDue(HAS_BUDGET, 100)).toBe('begin');
    sendNext(hedge, 101);
    expect(hedge.dueAt).toBe(201);
    expect(hedge.onDue(HAS_BUDGET, 201)).toBe('begin');
    sendNext(hedge, 201);
    expect(hedge.dueAt).toBe(Infinity);
    expect(hedge.open).toBe(3);
  });

  test('does not count the time that an attempt waits for a stream, and begins none behind it', () => {
    const hedge = new Hedge({ attempts: 3, delayMs: 100 });
    hedge.onBegun();
    expect(hedge.dueAt).toBe(Infinity);
    hedge.onSent(5_000);
    expect(hedge.dueAt).toBe(5_100);
    expect(hedge.onDue(HAS_BUDGET, 5_100)).toBe('begin');
    hedge.onBegun();
    expect(hedge.onFailed(failed(), HAS_BUDGET, 5_200)).toBe('wait');
    expect(hedge.dueAt).toBe(Infinity);
  });

  test('begins the next at once when one has failed, and counts the delay from there', () => {
    const hedge = sentHedge(3);
    expect(hedge.onFailed(failed(), HAS_BUDGET, 30)).toBe('begin');
    sendNext(hedge, 30);
    expect(hedge.dueAt).toBe(130);
  });

  test('keeps the rhythm when an attempt was never sent: a server that is not there answers no sooner', () => {
    const hedge = new Hedge({ attempts: 2, delayMs: 100 });
    hedge.onBegun();
    expect(hedge.onFailed(failed({ wasSent: false }), HAS_BUDGET, 7)).toBe('wait');
    expect(hedge.dueAt).toBe(107);
    expect(hedge.onDue(HAS_BUDGET, 107)).toBe('begin');
  });

  test('fails with its last attempt, not with its first', () => {
    const hedge = sentHedge(2);
    expect(hedge.onDue(HAS_BUDGET, 100)).toBe('begin');
    sendNext(hedge, 100);
    expect(hedge.onFailed(failed(), HAS_BUDGET, 110)).toBe('wait');
    expect(hedge.onFailed(failed(), HAS_BUDGET, 120)).toBe('fail');
  });

  test('waits as long as the server asks, also when another attempt fails meanwhile', () => {
    const hedge = sentHedge(4);
    expect(hedge.onDue(HAS_BUDGET, 100)).toBe('begin');
    sendNext(hedge, 100);
    expect(hedge.onFailed(failed({ pushbackMs: 500 }), HAS_BUDGET, 110)).toBe('wait');
    expect(hedge.dueAt).toBe(610);
    expect(hedge.onFailed(failed(), HAS_BUDGET, 120)).toBe('wait');
    expect(hedge.dueAt).toBe(610);
    expect(hedge.onDue(HAS_BUDGET, 609)).toBe('wait');
    expect(hedge.onDue(HAS_BUDGET, 610)).toBe('begin');
  });

  test('begins no more when the server asks for none, and waits for what is open', () => {
    const hedge = sentHedge(4);
    expect(hedge.onDue(HAS_BUDGET, 100)).toBe('begin');
    sendNext(hedge, 100);
    expect(hedge.onFailed(failed({ pushbackMs: Infinity }), HAS_BUDGET, 110)).toBe('wait');
    expect(hedge.dueAt).toBe(Infinity);
    expect(hedge.onFailed(failed(), HAS_BUDGET, 120)).toBe('fail');
    expect(hedge.isSuppressed).toBe(false);
  });

  test('begins no more when the budget is spent, and says so', () => {
    const late = sentHedge(3);
    expect(late.onDue(!HAS_BUDGET, 100)).toBe('wait');
    expect([late.isSuppressed, late.dueAt]).toEqual([true, Infinity]);
    expect(late.onFailed(failed(), HAS_BUDGET, 110)).toBe('fail');
    const failing = sentHedge(3);
    expect(failing.onFailed(failed(), !HAS_BUDGET, 10)).toBe('fail');
    expect(failing.isSuppressed).toBe(true);
    // Its one attempt was its last: nothing was held back.
    const single = sentHedge(1);
    expect(single.onFailed(failed(), !HAS_BUDGET, 10)).toBe('fail');
    expect(single.isSuppressed).toBe(false);
  });
});

/** A call that does what it is told, with the attempts that it has open, and the rules that must hold. */
class Run {
  readonly hedge: Hedge;
  readonly begunAt: number[] = [];
  readonly #attempts: number;
  now = 0;
  sent = 0;
  hasUnsent = false;
  notBefore = -Infinity;
  hasFailed = false;
  wasRefused = false;

  constructor(attempts: number, delayMs: number) {
    this.#attempts = attempts;
    this.hedge = new Hedge({ attempts, delayMs });
    this.#begin();
  }

  get open(): number {
    return this.sent + (this.hasUnsent ? 1 : 0);
  }

  step(event: Event): void {
    this.#pass(event.ms, event.hasBudget);
    if (!this.hasFailed) this.#happen(event);
  }

  #happen({ kind, ms, hasBudget }: Event): void {
    if (kind === 'send' && this.hasUnsent) {
      this.hasUnsent = false;
      this.sent++;
      this.hedge.onSent(this.now);
    } else if (kind === 'fail unsent' && this.hasUnsent) {
      this.hasUnsent = false;
      this.#obey(this.hedge.onFailed({ wasSent: false }, hasBudget, this.now), hasBudget);
    } else if (kind !== 'send' && this.sent > 0) {
      const pushbackMs = { 'push back': ms, 'push away': Infinity }[kind as string];
      this.sent--;
      if (pushbackMs !== undefined) this.notBefore = Math.max(this.notBefore, this.now + pushbackMs);
      this.#obey(this.hedge.onFailed({ wasSent: true, pushbackMs }, hasBudget, this.now), hasBudget);
    }
    this.#check();
  }

  /** As the call's timer does: not before it is due, and not later than asked. */
  #pass(ms: number, hasBudget: boolean): void {
    const until = this.now + ms;
    while (!this.hasFailed && this.hedge.dueAt <= until) {
      this.now = Math.max(this.now, this.hedge.dueAt);
      this.#obey(this.hedge.onDue(hasBudget, this.now), hasBudget);
      this.#check();
    }
    this.now = until;
  }

  #obey(step: HedgeStep, hasBudget: boolean): void {
    if (step === 'begin') {
      expect(hasBudget).toBe(true);
      this.#begin();
    }
    if (step === 'fail') {
      expect(this.open).toBe(0);
      this.hasFailed = true;
    }
    this.wasRefused ||= this.hedge.isSuppressed;
  }

  #begin(): void {
    expect(this.hasUnsent).toBe(false);
    expect(this.wasRefused).toBe(false);
    expect(this.now).toBeGreaterThanOrEqual(this.notBefore);
    this.begunAt.push(this.now);
    this.hasUnsent = true;
    this.hedge.onBegun();
  }

  #check(): void {
    expect(this.hedge.open).toBe(this.open);
    expect(this.begunAt.length).toBeLessThanOrEqual(this.#attempts);
    // Something is always coming: an attempt's end, or the next attempt.
    if (!this.hasFailed && this.open === 0) expect(this.hedge.dueAt).toBeLessThan(Infinity);
  }
}

interface Event {
  readonly kind: 'send' | 'fail unsent' | 'fail' | 'push back' | 'push away';
  readonly ms: number;
  readonly hasBudget: boolean;
}

describe('whatever happens to its attempts', () => {
  const event = (budget: fc.Arbitrary<boolean>): fc.Arbitrary<Event> =>
    fc.record({
      kind: fc.constantFrom(
        'send' as const,
        'send' as const,
        'fail' as const,
        'fail unsent' as const,
        'push back' as const,
        'push away' as const,
      ),
      ms: fc.integer({ min: 0, max: 250 }),
      hasBudget: budget,
    });
  const attempts = fc.integer({ min: 1, max: 5 });
  const delayMs = fc.integer({ min: 0, max: 100 });

  test('a hedged call keeps to its number, the pushback and the budget, and never stands still', () => {
    const events = fc.array(event(fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(attempts, delayMs, events, (number, delay, happened) => {
        const run = new Run(number, delay);
        for (const each of happened) run.step(each);
      }),
    );
  });

  test('without answers, pushback or an empty budget it makes all its attempts, the delay apart', () => {
    fc.assert(
      fc.property(attempts, delayMs, (number, delay) => {
        const run = new Run(number, delay);
        for (let index = 0; index < number; index++) {
          run.step({ kind: 'send', ms: index === 0 ? 0 : delay, hasBudget: true });
        }
        expect(run.begunAt).toEqual(Array.from({ length: number }, (_, index) => index * delay));
        expect(run.hedge.dueAt).toBe(Infinity);
      }),
    );
  });
});
