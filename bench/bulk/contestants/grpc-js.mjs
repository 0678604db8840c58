/** grpc-js with its defaults, over the same store and the same messages. */
import grpc from '@grpc/grpc-js';
import { createImageService, ImageServiceDefinition, ImageStore } from '../../../dist/src/images/index.js';
import { fetchPieces } from './pieces.mjs';

const CHUNK_BYTES = 1 << 20;
const CALLS = 4;
/** Of field 1, `data`. */
const DATA_TAG = 0x0a;

const { requestType, responseType } = ImageServiceDefinition.methods.getChunk;
const METHOD = {
  path: `/${ImageServiceDefinition.fullName}/GetChunk`,
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(requestType.encode(message).finish()),
  requestDeserialize: (bytes) => requestType.decode(bytes),
  responseSerialize: encodeChunk,
  responseDeserialize: (bytes) => responseType.decode(bytes),
};

export async function serve(directory, options = {}) {
  const images = createImageService(await ImageStore.open(directory));
  const server = new grpc.Server(options);
  const getChunk = (call, callback) => {
    const { signal } = new AbortController();
    images.getChunk(call.request, { signal }).then((response) => callback(null, response), callback);
  };
  server.addService({ getChunk: METHOD }, { getChunk });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

export async function connect(port, bytes, options = {}) {
  const Client = grpc.makeClientConstructor({ getChunk: METHOD }, 'ImageService');
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
  const getChunk = (piece) =>
    new Promise((resolve, reject) => {
      client.getChunk(piece, (error, response) => (error ? reject(error) : resolve(response)));
    });
  return () => fetchPieces(getChunk, bytes, CHUNK_BYTES, CALLS);
}

/** With one copy of the data, where the generated code makes three. */
function encodeChunk({ data, ...rest }) {
  const head = responseType.encode({ ...rest, data: new Uint8Array(0) }).finish();
  const tag = [DATA_TAG];
  let length = data.length;
  for (; length > 0x7f; length >>>= 7) tag.push(0x80 | (length & 0x7f));
  tag.push(length);
  return Buffer.concat([head, Buffer.from(tag), data]);
}
