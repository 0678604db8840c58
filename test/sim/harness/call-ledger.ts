/**
 * Every call of a run and every start of a handler, and what must hold between them: at most one start of what must
 * not run twice, none of what is certainly not executed, exactly one end, in time, with the bytes that were answered.
 */
import { RpcError } from '../../../src/rpc/rpc-error.js';
import { Status } from 'nice-grpc-common';
import { type Exchange } from './load.js';
import { PLANNED_DETAILS, PLANNED_STATUS } from './call-service.js';
import { check } from './violation.js';

interface CallRecord {
  readonly plan: Exchange;
  readonly startedAt: number;
  readonly deadline: number;
  readonly wasCancelledFirst: boolean;
  isCancelled: boolean;
  starts: number;
  answers: number;
  /** What each handler of an `add` answered. */
  readonly totals: bigint[];
  outcome: string | undefined;
  isCertainlyNotExecuted: boolean;
}

export interface LedgerOptions {
  readonly now: () => number;
  /** How much later than its deadline a call of this client may end: late timers, pauses of its host. */
  readonly slackMs: (client: number) => number;
  /** The network may bring a first flight twice, so that calls which may run twice start more often than attempted. */
  readonly mayReplay: boolean;
  /** Nothing excuses a call that failed because of its connection. */
  readonly mustConnect: boolean;
  readonly note: (text: string) => void;
  /** Something does not hold, found where throwing would be caught by others. */
  readonly fail: (error: unknown) => void;
}

export class CallLedger {
  readonly #options: LedgerOptions;
  readonly #calls = new Map<number, CallRecord>();
  readonly #open = new Set<CallRecord>();
  readonly #undeclaredStarts = new Set<string>();
  readonly #running = new Map<number, number>();
  #nextLatestEnd = -Infinity;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  fail(error: unknown): void {
    this.#options.fail(error);
  }

  get openCount(): number {
    return this.#open.size;
  }

  outcome(index: number): string | undefined {
    return this.#calls.get(index)?.outcome;
  }

  /** Handlers that this server started and that have not settled. */
  running(incarnation: number): number {
    return this.#running.get(incarnation) ?? 0;
  }

  onCall(plan: Exchange, wasCancelledFirst: boolean): void {
    const startedAt = this.#options.now();
    const record: CallRecord = {
      plan,
      startedAt,
      deadline: startedAt + plan.timeoutMs,
      wasCancelledFirst,
      isCancelled: wasCancelledFirst,
      starts: 0,
      answers: 0,
      totals: [],
      outcome: undefined,
      isCertainlyNotExecuted: false,
    };
    check(!this.#calls.has(plan.index), () => `call ${plan.index} made twice`);
    this.#calls.set(plan.index, record);
    this.#open.add(record);
    this.#nextLatestEnd = -Infinity;
  }

  onCancelled(index: number): void {
    this.#record(index).isCancelled = true;
  }

  /** Its host is gone: nobody will hear of its calls any more. */
  onClientLost(client: number): void {
    for (const record of this.#open) {
      if (record.plan.client !== client) continue;
      record.outcome = LOST;
      this.#open.delete(record);
    }
  }

  onHandlerStart(index: number, requestId: string, incarnation: number): Exchange {
    const record = this.#record(index);
    const { plan } = record;
    record.starts++;
    this.#running.set(incarnation, this.running(incarnation) + 1);
    this.#options.note(`handler ${index} ${plan.method} starts`);
    check(
      !record.wasCancelledFirst,
      () => `call ${index} was cancelled before it was made, and its handler started`,
    );
    check(!record.isCertainlyNotExecuted, () => `call ${index}: said not executed, and its handler started`);
    if (plan.method === 'add') {
      const id = `${incarnation} ${requestId}`;
      check(
        !this.#undeclaredStarts.has(id),
        () => `call ${index}: request ${requestId} started twice by one server`,
      );
      this.#undeclaredStarts.add(id);
      check(
        record.starts === 1,
        () => `call ${index} of undeclared idempotency started ${record.starts} times`,
      );
    }
    return plan;
  }

  onHandlerEnd(incarnation: number): void {
    this.#running.set(incarnation, this.running(incarnation) - 1);
  }

  onAnswered(index: number, total?: bigint): void {
    const record = this.#record(index);
    record.answers++;
    if (total !== undefined) record.totals.push(total);
  }

  onHeader(index: number): void {
    check(this.outcome(index) === undefined, () => `call ${index}: metadata after it was settled`);
  }

  onOk(index: number, total?: bigint): void {
    const record = this.#settle(index, 'OK');
    const { does } = record.plan.handler;
    check(record.answers > 0, () => `call ${index} is OK, and no handler has answered`);
    check(does === 'answer' || does === 'ignoreSignal', () => `call ${index} is OK, but its handler ${does}`);
    if (total === undefined) return;
    check(record.totals.includes(total), () => `call ${index} got ${total}, no handler answered that`);
  }

  onError(index: number, error: unknown): void {
    check(
      error instanceof RpcError,
      () => `call ${index} failed with ${String(error)}, which is no RpcError`,
    );
    const record = this.#settle(index, Status[error.code]);
    const { plan, starts } = record;
    this.#options.note(`  ${error.message}`);
    if (!error.maybeExecuted) {
      check(starts === 0, () => `call ${index}: said not executed, but its handler started ${starts} times`);
      record.isCertainlyNotExecuted = true;
    }
    check(
      this.#options.mayReplay || starts <= Math.max(error.attempts, 0),
      () => `call ${index}: ${error.attempts} attempts and ${starts} starts`,
    );
    this.#checkCode(record, error);
    check(plan.timeoutMs > 0, () => 'a call has a deadline');
  }

  /** Checked after every turn. */
  checkDeadlines(): void {
    const now = this.#options.now();
    if (now < this.#nextLatestEnd) return;
    let next = Infinity;
    for (const { plan, deadline } of this.#open) {
      const latestEnd = deadline + this.#options.slackMs(plan.client);
      check(now <= latestEnd, () => `call ${plan.index} is open ${now - deadline} ms after its deadline`);
      next = Math.min(next, latestEnd);
    }
    this.#nextLatestEnd = next;
  }

  #checkCode({ plan, deadline, isCancelled, starts }: CallRecord, error: RpcError): void {
    const { code, details, message, attempts, maybeExecuted } = error;
    const { does } = plan.handler;
    // What a handler throws besides statuses is not told to clients.
    const isPlanned =
      (does === 'throwStatus' && code === PLANNED_STATUS && details === PLANNED_DETAILS) ||
      (does === 'throwError' && code === Status.UNKNOWN);
    // [AMO-5] Its handler has started, its connection was lost, and when it came again no answer was kept.
    const isNotAgain =
      code === Status.ABORTED && plan.method === 'add' && starts === 1 && attempts > 1 && maybeExecuted;
    const isExpected =
      isPlanned ||
      (isNotAgain && !this.#options.mustConnect) ||
      (code === Status.UNAVAILABLE && !this.#options.mustConnect) ||
      (code === Status.CANCELLED && isCancelled) ||
      (code === Status.DEADLINE_EXCEEDED && this.#options.now() >= deadline - WIRE_TIMEOUT_ROUNDING_MS);
    check(isExpected, () => `call ${plan.index} (${does}) ended with: ${message}`);
  }

  #settle(index: number, outcome: string): CallRecord {
    const record = this.#record(index);
    this.#options.note(`call ${index} ${outcome}`);
    check(record.outcome === undefined, () => `call ${index} settled twice`);
    record.outcome = outcome;
    this.#open.delete(record);
    return record;
  }

  #record(index: number): CallRecord {
    const record = this.#calls.get(index);
    check(record !== undefined, () => `call ${index} was never made`);
    return record;
  }
}

const LOST = 'lost';
/** Timeouts travel as whole milliseconds. */
const WIRE_TIMEOUT_ROUNDING_MS = 1;
