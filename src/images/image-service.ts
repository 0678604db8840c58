/**
 * `image.v1.ImageService` over a store: translates between messages and the store's own words, and nothing else. Hand it to
 * `server.add(ImageServiceDefinition, createImageService(store))`.
 */
import {
  type GetChunkRequest,
  type GetChunkResponse,
  type GetMetaRequest,
  type GetMetaResponse,
  type ListRequest,
  type ListResponse,
} from '../../generated/image/v1/image.js';
import { type ImageStore } from './image-store.js';

/** What the handlers use of a call's context. */
interface Cancellable {
  readonly signal: AbortSignal;
}

/** The implementation of `image.v1.ImageService`. What it throws are the `ServerError`s of the store. */
export interface ImageServiceHandlers {
  /** A page of images. INVALID_ARGUMENT for a page token that is none. */
  list(request: ListRequest, context: Cancellable): Promise<ListResponse>;
  /** What there is to say of one image. NOT_FOUND. */
  getMeta(request: GetMetaRequest, context: Cancellable): Promise<GetMetaResponse>;
  /** A part of one image's bytes, as `ImageStore.read`. */
  getChunk(request: GetChunkRequest, context: Cancellable): Promise<GetChunkResponse>;
}

/** The service over a store, for `server.add(ImageServiceDefinition, createImageService(store))`. */
export function createImageService(store: ImageStore): ImageServiceHandlers {
  return {
    async list({ prefix, pageSize, pageToken }, { signal }) {
      const page = await store.list({ prefix, pageSize, pageToken, signal });
      const images = page.images.map(({ name, sizeBytes, modified, mimeType }) => ({
        name,
        size: sizeBytes,
        modified,
        mimeType,
      }));
      return { images, nextPageToken: page.nextPageToken };
    },

    async getMeta({ name }) {
      const { sizeBytes, ...described } = await store.describe(name);
      return { ...described, size: sizeBytes };
    },

    async getChunk({ name, offset, length, ifMatch }) {
      const { data, totalBytes, etag, isLast } = await store.read({ name, offset, length, ifMatch });
      return { data, totalSize: BigInt(totalBytes), etag, last: isLast };
    },
  };
}
