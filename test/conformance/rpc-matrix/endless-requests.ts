/** A stream of requests that goes on until it is ended from outside, and whether it was. */
export interface EndlessRequests {
  /** Their first bytes count from 0; large enough that few of them fill what a world lets wait. */
  readonly requests: AsyncGenerator<{ payload: Uint8Array }, void>;
  readonly state: { readonly isOver: boolean };
}

export function endlessRequests(): EndlessRequests {
  const state = { isOver: false };
  async function* requests(): EndlessRequests['requests'] {
    try {
      for (let index = 0; ; index++) yield { payload: new Uint8Array(PAYLOAD_BYTES).fill(index) };
    } finally {
      state.isOver = true;
    }
  }
  return { requests: requests(), state };
}

const PAYLOAD_BYTES = 1_000;
