/** A client in 20 lines: the start of one image, and what there is when that one is not. */
import { ImageServiceDefinition, listImages } from '../src/images/index.js';
import { createChannel, createClient, RpcError, Status } from '../src/index.js';

const channel = createChannel(process.argv[2] ?? 'udp://127.0.0.1:5005');
const imageService = createClient(ImageServiceDefinition, channel, { '*': { timeoutMs: 5_000 } });
const name = process.argv[3] ?? 'dunes.jpg';
try {
  const { data, totalSize } = await imageService.getChunk({ name, offset: 0n, length: 65_536 });
  console.log(`${data.length} of ${totalSize} bytes of ${name}`);
} catch (error) {
  if (!(error instanceof RpcError) || error.code !== Status.NOT_FOUND) throw error;
  console.log(`there is no ${name}, but there is:`);
  for await (const image of listImages(imageService)) console.log(image.name);
} finally {
  await channel.close();
}
