/**
 * Gives the error of a failed call the stack of who waits for it, in place of the timers and sockets that made it. V8
 * finds the functions that `await` a promise when a stack is captured in a reaction that leads to it; so the failure is
 * made to come through such a reaction, and a call that succeeds pays nothing. Measured on Node 20.20.2: a capture at the
 * start of each call costs several microseconds, an async function around it 0.09 µs, this none.
 */

/**
 * Rejects the promise to which `resolve` belongs, a few microtasks later, with `error`, whose `stack` then names the
 * callers that await it. It is formatted when it is first read. Without one that awaits, the stack has no frames.
 */
export function rejectAtCallSite(resolve: (outcome: Promise<never>) => void, error: Error): void {
  // Two steps: the second runs only when the caller's promise hangs on it.
  const rejection = SETTLED.then(nothing).then(function atCallSite(): never {
    captureStack(error, atCallSite);
    throw error;
  });
  resolve(rejection);
}

/** Only V8 has it, and only V8 follows promises to who awaits them. */
function captureStack(error: Error, below: () => never): void {
  (Error as { captureStackTrace?: (target: object, below: () => never) => void }).captureStackTrace?.(
    error,
    below,
  );
}

const SETTLED = Promise.resolve();

function nothing(): void {
  // Only takes its turn.
}
