/** What is known of the path that matters here: receive windows and send buffers are sized by it. */
export interface PathCapacity {
  /** Milliseconds, or undefined before the first sample. */
  readonly smoothedRttMs: number | undefined;
  /** Bytes that may be in flight. */
  readonly congestionWindow: number;
}
