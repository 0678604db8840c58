import { TransportErrorCode } from '../../src/transport/transport-error.js';

/** For `toThrow`: a TransportError of this code, whatever its words. */
export function errorWithCode(name: keyof typeof TransportErrorCode): Error {
  return expect.objectContaining({ name: 'TransportError', code: TransportErrorCode[name] }) as Error;
}
