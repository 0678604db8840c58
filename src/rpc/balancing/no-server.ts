/** What calls end with when no server can be had: one line that names each and why. Pure. */
import { Status } from 'nice-grpc-common';
import { type AttemptFailure } from '../client/attempt.js';

/** `failures`: of each server, at least one. */
export function noServerFailure(target: string, failures: readonly AttemptFailure[]): AttemptFailure {
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const shown = failures.slice(0, MAX_SHOWN).map(({ details }) => details);
  const more = failures.length > MAX_SHOWN ? [`and ${failures.length - MAX_SHOWN} more`] : [];
  return {
    code: failures.every(({ code }) => code === Status.UNAUTHENTICATED)
      ? Status.UNAUTHENTICATED
      : Status.UNAVAILABLE,
    details: `none of the ${failures.length} servers of ${target} can be reached: ${[...shown, ...more].join('; ')}`,
    // [VER-3] If none of them may be asked again.
    ...(failures.every(({ retryAfterMs }) => retryAfterMs === Infinity) && { retryAfterMs: Infinity }),
  };
}

/** With the address in front, unless it is there already. */
export function naming(address: string, failure: AttemptFailure): AttemptFailure {
  const { details } = failure;
  return details.includes(address) ? failure : { ...failure, details: `${address} ${details}` };
}

const MAX_SHOWN = 5;

/** [AMO-3] Of a call that may have run on a server that is not among them any more. */
export const SERVER_GONE: AttemptFailure = {
  code: Status.UNAVAILABLE,
  details:
    'the server that may have run the call is not among the servers any more: look before making it again',
  endedBy: 'restart',
};
