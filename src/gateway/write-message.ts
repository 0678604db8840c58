/** Messages onto an HTTP/2 stream, at the pace of its reader. */
import { type Http2Stream } from 'node:http2';

/** Undefined: there is room for the next. Else that is so when the promise resolves, which it also does when the stream closes. */
export function writeMessage(stream: Http2Stream, message: Uint8Array): Promise<void> | undefined {
  if (stream.destroyed || stream.writableEnded) return undefined;
  if (message.length <= MAX_COPIED_BYTES) {
    const whole = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    writePrefix(whole, message.length);
    whole.set(message, PREFIX_BYTES);
    return stream.write(whole) ? undefined : drained(stream);
  }
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(prefix, message.length);
  stream.cork();
  stream.write(prefix);
  const hasRoom = stream.write(message);
  stream.uncork();
  return hasRoom ? undefined : drained(stream);
}

function writePrefix(buffer: Buffer, length: number): void {
  buffer[0] = 0;
  buffer.writeUInt32BE(length, 1);
}

function drained(stream: Http2Stream): Promise<void> {
  return new Promise((resolve) => {
    const onRoom = (): void => {
      stream.off('drain', onRoom);
      stream.off('close', onRoom);
      resolve();
    };
    stream.on('drain', onRoom);
    stream.on('close', onRoom);
  });
}

const PREFIX_BYTES = 5;
/** Up to here a copy costs less than another chunk. */
const MAX_COPIED_BYTES = 4_096;
