/**
 * What fetching needs of a client of ImageService: any client with these methods will do, one of `createClient`, one of
 * nice-grpc, or one made for a test.
 */
import {
  type DeepPartial,
  type GetChunkRequest,
  type GetChunkResponse,
  type GetMetaRequest,
  type GetMetaResponse,
  type ImageEntry,
  type ListRequest,
  type ListResponse,
} from '../../generated/image/v1/image.js';
import { MAX_PAGE_SIZE } from './image-store.js';

/** What fetching gives to each call. */
export interface ImageCallOptions {
  readonly signal?: AbortSignal;
  /** For each call, retries included. */
  readonly timeoutMs?: number;
}

/** A client of `image.v1.ImageService`: one of `createClient`, of nice-grpc, or one made for a test. */
export interface ImageClient {
  /** A page of images in the order of their names. */
  list(request: DeepPartial<ListRequest>, options?: ImageCallOptions): Promise<ListResponse>;
  /** What there is to say of one image. */
  getMeta(request: DeepPartial<GetMetaRequest>, options?: ImageCallOptions): Promise<GetMetaResponse>;
  /** A part of one image's bytes. */
  getChunk(request: DeepPartial<GetChunkRequest>, options?: ImageCallOptions): Promise<GetChunkResponse>;
}

/** All images of a server in the order of their names, a page at a time. */
export async function* listImages(
  client: ImageClient,
  options: ImageCallOptions & { readonly prefix?: string } = {},
): AsyncGenerator<ImageEntry, void, void> {
  const { prefix = '', ...callOptions } = options;
  let pageToken = '';
  do {
    const page = await client.list({ prefix, pageSize: MAX_PAGE_SIZE, pageToken }, callOptions);
    yield* page.images;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
