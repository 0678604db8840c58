/** A stream of requests that goes on until it is ended from outside, and whether it was. */
export interface EndlessRequests {
  /** Each payload is one byte, which counts from 0. */
  readonly requests: AsyncGenerator<{ payload: Uint8Array }, void>;
  readonly state: { readonly isOver: boolean };
}

export function endlessRequests(): EndlessRequests {
  const state = { isOver: false };
  async function* requests(): EndlessRequests['requests'] {
    try {
      for (let index = 0; ; index++) yield { payload: Uint8Array.of(index) };
    } finally {
      state.isOver = true;
    }
  }
  return { requests: requests(), state };
}
