/** What every peer carries, in the same protobuf messages: 30 B there, 100 B back. */
export {
  DownloadRequest,
  DownloadResponse,
  EchoRequest,
  EchoResponse,
  TestServiceDefinition,
} from '../../dist/generated/test/v1/test.js';

export const REQUEST = {
  payload: new Uint8Array(28).fill(1),
  delayMs: 0,
  failWithCode: 0,
  failWithDetails: '',
};
export const RESPONSE = { payload: new Uint8Array(98).fill(2) };

/** The same message again and again, as fast as it is asked for. */
export async function* endless(message) {
  for (;;) yield message;
}
