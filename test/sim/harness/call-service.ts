/**
 * The test service as a scenario wants it: each handler looks up the plan of its call by the metadata that the call
 * carries, checks that the request is the one that was made, and does what the plan says. What was started, with which
 * request ID, and what was answered is told to the ledger.
 */
import { Metadata, ServerError, Status } from 'nice-grpc-common';
import { type TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { type Clock } from '../../../src/base/clock.js';
import { type RequestContext } from '../../../src/rpc/server/call-context.js';
import { type ServiceImplementation } from '../../../src/rpc/service-definition.js';
import { type CallLedger } from './call-ledger.js';
import { type Exchange } from './load.js';
import { checkPattern, requestKey } from './pattern.js';
import { check } from './violation.js';

export const CALL_KEY = 'call';
export const PLANNED_DETAILS = 'planned to fail';
export const PLANNED_STATUS = Status.FAILED_PRECONDITION;

type TestService = ServiceImplementation<typeof TestServiceDefinition, RequestContext>;
interface HandlerContext extends RequestContext {
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
}

/** `incarnation` tells the servers before and after a crash apart. */
export function createCallService(ledger: CallLedger, clock: Clock, incarnation: number): TestService {
  const totals = new Map<string, bigint>();
  const handle = async (context: HandlerContext): Promise<Exchange> => {
    const plan = ledger.onHandlerStart(
      Number(context.metadata.get(CALL_KEY)),
      context.requestId,
      incarnation,
    );
    try {
      await behave(plan, context.signal, clock);
      return plan;
    } finally {
      ledger.onHandlerEnd(incarnation);
    }
  };
  return {
    async echo({ payload }, context) {
      const plan = await handle(context);
      guard(ledger, () => {
        check(payload.length === plan.requestBytes, () => `echo ${plan.index} got ${payload.length} bytes`);
        checkPattern(requestKey(plan.index), 0, payload);
      });
      ledger.onAnswered(plan.index);
      return { payload };
    },
    async put({ value }, context) {
      const plan = await handle(context);
      guard(ledger, () => {
        check(value === BigInt(plan.index), () => `put ${plan.index} got ${String(value)}`);
      });
      ledger.onAnswered(plan.index);
      return { value };
    },
    async add({ key, amount }, context) {
      const plan = await handle(context);
      const total = (totals.get(key) ?? 0n) + amount;
      totals.set(key, total);
      ledger.onAnswered(plan.index, total);
      return { total };
    },
    async *download() {
      throw notPlanned();
    },
    upload() {
      throw notPlanned();
    },
    async *chat() {
      throw notPlanned();
    },
  };
}

/** What a handler throws becomes a status: what does not hold must end the run all the same. */
function guard<T>(ledger: CallLedger, verdict: () => T): T {
  try {
    return verdict();
  } catch (error) {
    ledger.fail(error);
    throw error;
  }
}

async function behave(plan: Exchange, signal: AbortSignal, clock: Clock): Promise<void> {
  const { does, delayMs } = plan.handler;
  if (does === 'hangUntilAborted') await aborted(signal);
  if (delayMs > 0) await sleep(clock, delayMs);
  if (does === 'throwStatus') throw new ServerError(PLANNED_STATUS, PLANNED_DETAILS);
  if (does === 'throwError') throw new Error(PLANNED_DETAILS);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, delayMs);
  });
}

function notPlanned(): Error {
  return new ServerError(Status.UNIMPLEMENTED, 'no scenario calls this');
}

export function callMetadata(index: number): Metadata {
  return Metadata({ [CALL_KEY]: String(index) });
}
