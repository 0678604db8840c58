/**
 * What a handler that reads on is told when its call is over: an error with the name by which nice-grpc, its middleware
 * and everything else that knows AbortSignal recognise an abort.
 */
export class AbortError extends Error {
  override readonly name = 'AbortError';

  constructor() {
    super('The operation has been aborted');
  }
}
