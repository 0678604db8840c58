/** A server in 20 lines: the bundled images, and a word on each call that has ended. */
import { createImageService, ImageServiceDefinition, ImageStore } from '../src/images/index.js';
import { createServer } from '../src/index.js';
import { bundledImagesDirectory } from './command/bundled-images.js';

const store = await ImageStore.open(process.argv[2] ?? bundledImagesDirectory());
const server = createServer();
server.add(ImageServiceDefinition, createImageService(store));
server.on('call', ({ path, peer }) => {
  console.log(`${path} for ${peer}`);
});

const port = await server.listen(process.argv[3] ?? '127.0.0.1:5005');
console.log(`listening on udp://127.0.0.1:${port}`);

process.once('SIGINT', () => {
  void server.shutdown({ graceMs: 5_000 }).then(() => store.close());
});
