/**
 * One bidirectional stream: its two halves, which know nothing of each other, and where it stands in the queues of
 * StreamSet. A queue keeps the stream until its turn; the mark says that it need not be put in twice.
 */
import { type ReceiveStream } from './receive-stream.js';
import { type SendStream } from './send-stream.js';

export class Stream {
  readonly id: number;
  readonly send: SendStream;
  readonly receive: ReceiveStream;
  /** Bits of StreamControl: frames to be written for it. */
  pendingControls = 0;
  isInControlQueue = false;
  isInUnchargedRing = false;
  isInNewRing = false;
  /** Its limit is due, and waits for memory. */
  isLimitWithheld = false;
  /** The peer may open another in its place, though the peer does not yet have all of this one. */
  isCreditReturned = false;

  constructor(id: number, send: SendStream, receive: ReceiveStream) {
    this.id = id;
    this.send = send;
    this.receive = receive;
  }
}
