/** What both gateways tell their HTTP/2 peers, and allow them. */
import { type Settings } from 'node:http2';

/** What a stream that nobody reads holds of memory: four times HTTP/2's default, of which a path of 20 ms gets 13 MB/s. */
const STREAM_WINDOW_BYTES = 262_144;

/** Of all streams together: Node opens it again as bytes come, whoever reads them. */
export const SESSION_WINDOW_BYTES = 1_048_576;

export const SESSION_SETTINGS: Settings = {
  enablePush: false,
  initialWindowSize: STREAM_WINDOW_BYTES,
  /** As many as a UDP connection has by default, ten times over: the channel makes calls wait for a free stream. */
  maxConcurrentStreams: 1_000,
  /** More than any metadata that the UDP side takes, so that what is too large is refused in words. */
  maxHeaderListSize: 65_536,
};

/** Node refuses new streams of a session beyond it: a thousand that nobody reads would hold 250 MiB. */
export const MAX_SESSION_MEMORY_MB = 64;
