/** An application that reads nothing and answers nothing: what comes stays in the buffers. Others begin with it. */
import { type StreamListener } from '../../src/transport/stream-transport.js';

const nothing = (): void => undefined;

export const DEAF_LISTENER: StreamListener = {
  onReady: nothing,
  onStreamsAvailable: nothing,
  onStreamOpened: nothing,
  onStreamReadable: nothing,
  onStreamWritable: nothing,
  onStreamReset: nothing,
  onStreamStopped: nothing,
  onClosed: nothing,
};
