/** Asks for all pieces of the image, so many at a time, counts what comes, and is done with it: `free` may have it. */
export async function fetchPieces(getChunk, totalBytes, chunkBytes, calls, free = () => undefined) {
  let next = 0;
  let received = 0;
  const one = async () => {
    while (next < totalBytes) {
      const offset = next;
      next += chunkBytes;
      const { data } = await getChunk({
        name: 'image.bin',
        offset: BigInt(offset),
        length: chunkBytes,
        ifMatch: '',
      });
      received += data.length;
      free(data);
    }
  };
  await Promise.all(Array.from({ length: calls }, one));
  if (received !== totalBytes) throw new Error(`${received} bytes came of ${totalBytes}`);
  return received;
}
