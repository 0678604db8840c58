/** A thing that the driver needs to know of node:tls, and how to see it; what is seen stands in `expected-facts.ts`. */
export interface Fact {
  readonly name: string;
  /** Gives something that JSON can hold. */
  readonly observe: () => Promise<unknown>;
}
