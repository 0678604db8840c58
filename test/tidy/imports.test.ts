import { sourceFiles } from './source-tree.js';

/** Each room and what it may import: rooms below it, and packages. The first matching room of a file is its own. */
const ROOMS: readonly { room: string; mayImport: readonly string[] }[] = [
  { room: 'src/base/', mayImport: ['src/base/'] },
  { room: 'src/transport/', mayImport: ['src/base/', 'src/transport/'] },
  {
    room: 'src/rpc/',
    mayImport: [
      'src/base/',
      'src/transport/transport-error.ts',
      'src/transport/stream-transport.ts',
      'src/transport/wire/byte-reader.ts',
      'src/transport/wire/byte-writer.ts',
      'src/transport/wire/varint.ts',
      'src/rpc/',
      'nice-grpc-common',
      'p-retry',
      '@bufbuild/protobuf/wire',
      'eventemitter3',
    ],
  },
  {
    room: 'src/sim/',
    mayImport: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/', 'node:zlib', 'node:crypto'],
  },
  {
    room: 'src/driver/',
    mayImport: ['src/base/', 'src/transport/', 'src/rpc/', 'src/driver/', 'node:'],
  },
  {
    room: 'src/observe/',
    mayImport: [
      'src/base/',
      'src/transport/',
      'src/observe/',
      'node:fs',
      'node:path',
      'node:buffer',
      'node:perf_hooks',
    ],
  },
  {
    room: 'src/images/',
    mayImport: [
      'src/base/printable.ts',
      'src/images/',
      'src/index.ts',
      'generated/',
      'node:',
      'image-size',
      'nice-grpc-common',
    ],
  },
  {
    room: 'src/details/',
    mayImport: [
      'src/details/',
      'src/rpc/framing/metadata-codec.ts',
      'src/rpc/message-encoder.ts',
      'src/rpc/service-definition.ts',
      'generated/google/',
      'nice-grpc-common',
    ],
  },
  { room: 'src/health/', mayImport: ['src/health/', 'src/index.ts', 'generated/grpc/health/'] },
  {
    room: 'src/reflection/',
    mayImport: ['src/reflection/', 'src/index.ts', 'generated/grpc/reflection/', '@bufbuild/protobuf'],
  },
  {
    room: 'src/gateway/',
    mayImport: [
      'src/gateway/',
      'src/index.ts',
      'src/adapters/text-metadata.ts',
      'src/base/number-options.ts',
      'src/base/with-room.ts',
      'src/rpc/client/call-method.ts',
      'src/rpc/client/response-messages.ts',
      'src/rpc/framing/metadata-codec.ts',
      'src/rpc/framing/unit.ts',
      'src/rpc/pieces.ts',
      'src/rpc/rpc-error.ts',
      'src/driver/listen-error.ts',
      'src/driver/target.ts',
      'src/driver/tls-options.ts',
      'node:events',
      'node:http2',
      'node:net',
      'nice-grpc-common',
    ],
  },
  {
    room: 'src/command/',
    mayImport: [
      'src/command/',
      'src/adapters/text-metadata.ts',
      'src/certificates/',
      'src/dynamic/',
      'src/gateway/index.ts',
      'src/health/index.ts',
      'src/reflection/',
      'src/index.ts',
      'src/base/printable.ts',
      'node:',
      'commander',
      'protobufjs',
    ],
  },
  { room: 'src/certificates/', mayImport: ['src/certificates/', 'node:', 'selfsigned'] },
  { room: 'src/dynamic/', mayImport: ['src/dynamic/', 'src/index.ts', 'protobufjs', 'node:'] },
  {
    room: 'src/prometheus/',
    mayImport: ['src/prometheus/', 'src/driver/listen-to-events.ts', 'src/index.ts', 'prom-client'],
  },
  {
    room: 'src/opentelemetry/',
    mayImport: ['src/opentelemetry/', 'src/driver/listen-to-events.ts', 'src/index.ts', '@opentelemetry/api'],
  },
  {
    room: 'src/logging/',
    mayImport: [
      'src/logging/',
      'src/base/number-options.ts',
      'src/base/printable.ts',
      'src/driver/listen-to-events.ts',
      'src/index.ts',
    ],
  },
  { room: 'src/adapters/', mayImport: ['src/adapters/', 'src/index.ts'] },
  {
    room: 'src/connect/',
    mayImport: [
      'src/connect/',
      'src/adapters/',
      'src/index.ts',
      'generated/google/',
      '@connectrpc/connect',
      '@bufbuild/protobuf',
    ],
  },
  {
    room: 'src/protobuf-ts/',
    mayImport: ['src/protobuf-ts/', 'src/adapters/', 'src/index.ts', '@protobuf-ts/runtime-rpc'],
  },
  // What it imports is loaded by everybody: so none of the rooms with packages that are optional.
  {
    room: 'src/index.ts',
    mayImport: ['src/driver/', 'src/observe/', 'src/rpc/', 'src/transport/', 'nice-grpc-common'],
  },
  { room: 'src/testing/', mayImport: ['src/', 'node:zlib', 'node:net'] },
  {
    room: 'examples/',
    mayImport: [
      'examples/',
      'src/index.ts',
      'src/images/index.ts',
      'src/certificates/index.ts',
      'src/health/index.ts',
      'src/logging/index.ts',
      'src/reflection/index.ts',
      'src/command/error-line.ts',
      'src/command/run-command.ts',
      'src/command/tls-flags.ts',
      'generated/',
      'node:',
      'commander',
      '@clack/prompts',
      'cli-progress',
      'sharp',
    ],
  },
  { room: 'generated/', mayImport: ['generated/', '@bufbuild/protobuf/wire'] },
];

const files = sourceFiles('src', 'examples', 'generated');

function roomOf(path: string): (typeof ROOMS)[number] | undefined {
  return ROOMS.find(({ room }) => path.startsWith(room));
}

test('every file is in a room', () => {
  expect(files.filter(({ path }) => roomOf(path) === undefined).map(({ path }) => path)).toEqual([]);
});

test('imports go down the stairs', () => {
  const wrong = files.flatMap(({ path, imports }) => {
    const room = roomOf(path);
    return imports
      .filter((name) => !room?.mayImport.some((allowed) => name.startsWith(allowed)))
      .map((name) => `${path} imports ${name}`);
  });
  expect(wrong).toEqual([]);
});

test('no two files import each other in a circle, but for types', () => {
  const graph = new Map(
    files.map(({ path, code }) => {
      const valueImports = [...code.matchAll(/^(?:import|export) (?!type )([^;]*?) from '(\.[^']+)';/gm)]
        .filter(
          ([, names = '']) =>
            names.startsWith('*') ||
            names
              .replace(/[{}\s]/g, '')
              .split(',')
              .some((name) => name !== '' && !name.startsWith('type')),
        )
        .map(([, , name = '']) => new URL(name.replace(/\.js$/, '.ts'), `file:///${path}`).pathname.slice(1));
      return [path, valueImports] as const;
    }),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  expect(circles).toEqual([]);
});
