/**
 * Metadata that costs nothing until somebody touches it. A context has three, nearly all of them stay empty, and
 * nice-grpc's own takes a Map and nine closures each. Behaves as nice-grpc's in everything.
 */
import { Metadata, type MetadataValue } from 'nice-grpc-common';

export class DeferredMetadata implements Metadata {
  #metadata: Metadata | undefined;

  get isEmpty(): boolean {
    return this.#metadata?.[Symbol.iterator]().next().done ?? true;
  }

  set<Key extends string>(key: Key, value: MetadataValue<Key> | MetadataValue<Key>[]): this {
    this.#touch().set(key, value);
    return this;
  }

  append<Key extends string>(key: Key, value: MetadataValue<Key>): this {
    this.#touch().append(key, value);
    return this;
  }

  delete(key: string): void {
    this.#metadata?.delete(key);
  }

  get<Key extends string>(key: Key): MetadataValue<Key> | undefined {
    return this.#metadata?.get(key);
  }

  getAll<Key extends string>(key: Key): MetadataValue<Key>[] {
    return this.#metadata?.getAll(key) ?? [];
  }

  has(key: string): boolean {
    return this.#metadata?.has(key) ?? false;
  }

  [Symbol.iterator](): IterableIterator<[string, (string | Uint8Array)[]]> {
    return this.#touch()[Symbol.iterator]();
  }

  #touch(): Metadata {
    return (this.#metadata ??= Metadata());
  }
}
