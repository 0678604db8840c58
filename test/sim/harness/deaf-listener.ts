/** An application that reads nothing and answers nothing: what a hostile peer sends stays in the buffers. */
import { type StreamListener } from '../../../src/transport/stream-transport.js';
import { type ConnectionClosed } from '../../../src/transport/transport-error.js';

export class DeafListener implements StreamListener {
  readonly onClosed: (closed: ConnectionClosed) => void;

  constructor(onClosed: (closed: ConnectionClosed) => void) {
    this.onClosed = onClosed;
  }

  onReady(): void {
    // It waits for nobody.
  }

  onStreamsAvailable(): void {
    // It opens none.
  }

  onStreamOpened(): void {
    // It reads none.
  }

  onStreamReadable(): void {
    // Nor does it when there is something.
  }

  onStreamWritable(): void {
    // It has written nothing.
  }

  onStreamReset(): void {
    // It has nothing to give up.
  }

  onStreamStopped(): void {
    // It has nothing to give up.
  }
}
