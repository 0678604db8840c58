/**
 * `udprpc/images`: an image server over a directory, and a client that fetches whole images.
 *
 * @module
 */
export { createImageService, type ImageServiceHandlers } from './image-service.js';
export { type ImageCallOptions, type ImageClient, listImages } from './image-client.js';
export { type FetchedImage, fetchImage, type FetchOptions, type FetchProgress } from './image-fetcher.js';
export { FetchError } from './fetch-error.js';
export {
  type ChunkQuery,
  type ImageChunk,
  type ImageDescription,
  type ImagePage,
  ImageStore,
  type ImageStoreOptions,
  type ListQuery,
  MAX_CHUNK_BYTES,
  MAX_PAGE_SIZE,
  type StoredImage,
} from './image-store.js';
export { Fletcher32 } from './fletcher32.js';
export { imageNameProblem, quoteName } from './image-name.js';
export { printable } from '../base/printable.js';
export {
  type GetChunkRequest,
  type GetChunkResponse,
  type GetMetaRequest,
  type GetMetaResponse,
  type ImageEntry,
  ImageServiceDefinition,
  type ListRequest,
  type ListResponse,
} from '../../generated/image/v1/image.js';
/** The descriptors of the image service, for `createReflectionService` of `udprpc/reflection`. */
export { fileDescriptorSet as imageDescriptors } from '../../generated/image/v1/image.descriptors.js';
