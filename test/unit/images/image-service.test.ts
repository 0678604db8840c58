/** The service's messages are what the generated code can carry, field by field. */
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { GetChunkResponse, GetMetaResponse, ListResponse } from '../../../generated/image/v1/image.js';
import { createImageService } from '../../../src/images/image-service.js';
import { ImageStore } from '../../../src/images/image-store.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const context = { signal: new AbortController().signal };

test('each answer survives its codec', async () => {
  const gif = Buffer.from('R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=', 'base64');
  const path = temporaryDirectory({ 'a.gif': gif, 'b.gif': gif });
  utimesSync(join(path, 'a.gif'), 1_000, 2_000);
  const store = await ImageStore.open(path);
  const service = createImageService(store);

  const page = await service.list({ prefix: '', pageSize: 1, pageToken: '' }, context);
  expect(ListResponse.decode(ListResponse.encode(page).finish())).toEqual(page);
  expect(page.images).toEqual([
    { name: 'a.gif', size: 43n - 8n, modified: new Date(2_000_000), mimeType: 'image/gif' },
  ]);
  expect(
    (await service.list({ prefix: '', pageSize: 1, pageToken: page.nextPageToken }, context)).nextPageToken,
  ).toBe('');

  const meta = await service.getMeta({ name: 'a.gif' }, context);
  expect(GetMetaResponse.decode(GetMetaResponse.encode(meta).finish())).toEqual(meta);
  expect(meta).toMatchObject({ name: 'a.gif', size: 35n, width: 1, height: 1, format: 'gif' });

  const chunk = await service.getChunk(
    { name: 'a.gif', offset: 30n, length: 100, ifMatch: meta.etag },
    context,
  );
  expect(GetChunkResponse.decode(GetChunkResponse.encode(chunk).finish())).toEqual(chunk);
  expect(chunk).toEqual({
    data: new Uint8Array(gif.subarray(30)),
    totalSize: 35n,
    etag: meta.etag,
    last: true,
  });
  await store.close();
});

test('a listing ends with its call', async () => {
  const store = await ImageStore.open(temporaryDirectory({ 'a.gif': '' }));
  const signal = AbortSignal.abort(new Error('the caller left'));
  await expect(
    createImageService(store).list({ prefix: '', pageSize: 0, pageToken: '' }, { signal }),
  ).rejects.toThrow('the caller left');
  await store.close();
});
