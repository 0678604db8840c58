/**
 * The README's samples, as a reader would use them: written into an empty folder, generated, type-checked and run. They
 * import `udprpc` by its name, so what runs is the built package (`npm test` builds it first).
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { certificates, type Identity } from '../support/certificates.js';

const TOP = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const HOOKS = join(TOP, 'test', 'support', 'typescript.mjs');

interface Sample {
  readonly path: string;
  readonly text: string;
}

/** Blocks that begin with `// file: NAME` or `# file: NAME`. */
function samples(): Sample[] {
  const guides = readdirSync(join(TOP, 'docs', 'guides')).map((name) => join('docs', 'guides', name));
  const text = ['README.md', ...guides].map((path) => readFileSync(join(TOP, path), 'utf8')).join('\n');
  return [...text.matchAll(/```(?:ts|proto|yaml)\n(?:\/\/|#) file: (\S+)\n([\s\S]*?)```/g)].map(
    ([, path = '', text = '']) => ({ path, text }),
  );
}

let folder: string;

beforeAll(async () => {
  mkdirSync(join(TOP, 'dist'), { recursive: true });
  // Inside the package, where its own name resolves.
  folder = mkdtempSync(join(TOP, 'dist', 'readme-'));
  for (const { path, text } of samples()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const anyPort = text.replace(/listen\('(127\.0\.0\.1|0\.0\.0\.0):\d+'/, "listen('127.0.0.1:0'");
    writeFileSync(join(folder, path), anyPort);
  }
  const middleware = readFileSync(join(TOP, 'examples', 'authorisation.ts'), 'utf8');
  writeFileSync(join(folder, 'authorisation.ts'), middleware.replace('../src/index.js', 'udprpc'));
  const { authority, client, localServer } = await certificates();
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  writeIdentity('', localServer);
  writeIdentity('kiosk-', client);
  symlinkSync(join(TOP, 'node_modules'), join(folder, 'node_modules'));
  for (const template of ['buf.gen.yaml', 'buf.gen.clients.yaml']) {
    const args = ['generate', 'proto', '--template', template];
    execFileSync(join(TOP, 'node_modules/.bin/buf'), args, { cwd: folder, stdio: 'pipe' });
  }
  writeFileSync(join(folder, 'generated', 'protobuf-ts', 'package.json'), '{ "type": "commonjs" }');
  writeFileSync(join(folder, 'greeter-server.ts'), GREETER_SERVER);
}, 60_000);

/** For the samples that are clients only. */
const GREETER_SERVER = `
import { createServer } from 'udprpc';
import { GreeterServiceDefinition } from './generated/greeter/v1/greeter.js';

const server = createServer();
server.add(GreeterServiceDefinition, { greet: async ({ name }) => ({ text: \`hello \${name}\` }) });
console.log('udp://127.0.0.1:' + (await server.listen('127.0.0.1:0')));
`;

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Named as `udprpc cert` names them. */
function writeIdentity(prefix: string, { cert, key }: Identity): void {
  writeFileSync(join(folder, `${prefix}cert.pem`), cert);
  writeFileSync(join(folder, `${prefix}key.pem`), key);
}

function run(file: string, ...args: string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--import', HOOKS, file, ...args], {
    cwd: folder,
    env: { ...process.env, TOKEN: 'nobody-guesses-this' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function firstLine(child: ReturnType<typeof spawn>): Promise<string> {
  for await (const line of linesOf(child)) return line;
  return '';
}

function linesOf(child: ReturnType<typeof spawn>): AsyncIterable<string> {
  if (child.stdout === null) throw new Error('its output was not asked for');
  return createInterface({ input: child.stdout });
}

test('the README and the guides have their twenty-one samples', () => {
  expect(
    samples()
      .map(({ path }) => path)
      .sort(),
  ).toEqual([
    'authorised.ts',
    'buf.gen.clients.yaml',
    'buf.gen.yaml',
    'client.ts',
    'connect.ts',
    'gateway.ts',
    'greeter.test.ts',
    'greeter.ts',
    'metrics.ts',
    'mutual.ts',
    'proto/greeter/v1/greeter.proto',
    'proto/ticker/v1/ticker.proto',
    'protobuf-ts.ts',
    'secure-client.ts',
    'secure-server.ts',
    'served.ts',
    'server.ts',
    'several.ts',
    'ticker.ts',
    'ts-proto.ts',
    'watched.ts',
  ]);
});

test('the samples compile under strict settings', () => {
  const tsconfig = {
    extends: '../../tsconfig.json',
    compilerOptions: { noEmit: true, types: ['node'] },
    // The types of Node 20 lack one that Connect's need.
    include: ['*.ts', 'generated', '../../src/connect/headers-init.d.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  execFileSync(join(TOP, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'inherit' });
}, 60_000);

test('the greeter greets', async () => {
  await expect(firstLine(run('greeter.ts'))).resolves.toMatch(/^hello Ada, you are 127\.0\.0\.1:\d+$/);
}, 30_000);

test('the ticker streams both ways', async () => {
  await expect(firstLine(run('ticker.ts'))).resolves.toBe('1 + 2 + 3 = 6');
}, 30_000);

test('a client is known by its certificate', async () => {
  await expect(firstLine(run('mutual.ts'))).resolves.toBe('hello CN=client');
}, 30_000);

test('a user is known by a token', async () => {
  await expect(firstLine(run('authorised.ts'))).resolves.toBe('hello Ada');
}, 30_000);

test('each of several servers greets', async () => {
  await expect(firstLine(run('several.ts'))).resolves.toBe(
    'hello Ada, I am Ann; hello Ada, I am Bob; hello Ada, I am Cleo',
  );
}, 30_000);

test('a listener is told how a call went', async () => {
  await expect(firstLine(run('watched.ts'))).resolves.toBe(
    '/greeter.v1.GreeterService/Greet OK, attempts: 1',
  );
}, 30_000);

test('metrics of a call', async () => {
  const child = run('metrics.ts');
  const lines: string[] = [];
  for await (const line of linesOf(child)) lines.push(line);
  expect(lines).toContain(
    'udprpc_client_calls_handled_total{method="/greeter.v1.GreeterService/Greet",code="OK"} 1',
  );
}, 30_000);

test('a server with a certificate is trusted, and shows a new one when it is told to', async () => {
  const server = run('secure-server.ts');
  try {
    const lines = linesOf(server)[Symbol.asyncIterator]();
    const port = /^listening on udps:\/\/127\.0\.0\.1:(\d+)$/.exec((await lines.next()).value as string)?.[1];
    const client = (target: string) => firstLine(run('secure-client.ts', target));
    await expect(client(`udps://localhost:${port}`)).resolves.toBe('hello Ada');

    const { foreignAuthority, foreignLocalServer } = await certificates();
    writeIdentity('', foreignLocalServer);
    server.kill('SIGHUP');
    expect((await lines.next()).value).toBe('shows the new certificate');
    await expect(client(`udps://localhost:${port}`)).resolves.toMatch(/tls\.ca/);
    writeFileSync(join(folder, 'ca.pem'), foreignAuthority.cert);
    await expect(client(`udps://localhost:${port}`)).resolves.toBe('hello Ada');
  } finally {
    server.kill();
  }
}, 30_000);

test('a server with health and reflection tells the command what it offers', async () => {
  const server = run('served.ts');
  try {
    const target = (await firstLine(server)).replace('listening on ', '');
    const udprpc = (...args: string[]): string =>
      execFileSync(process.execPath, [join(TOP, 'dist/src/command/udprpc.js'), ...args], {
        encoding: 'utf8',
      });
    expect(udprpc('health', target, 'image.v1.ImageService')).toBe('SERVING\n');
    expect(udprpc('list', target)).toContain('image.v1.ImageService\n');
  } finally {
    server.kill();
  }
}, 30_000);

test('clients of other generators greet', async () => {
  const server = run('greeter-server.ts');
  try {
    const target = await firstLine(server);
    const clients = ['connect.ts', 'protobuf-ts.ts', 'ts-proto.ts'];
    const lines = await Promise.all(clients.map((client) => firstLine(run(client, target))));
    expect(lines).toEqual(clients.map(() => 'hello Ada'));
  } finally {
    server.kill();
  }
}, 30_000);

test('a gateway listens for gRPC clients', async () => {
  const gateway = run('gateway.ts');
  try {
    await expect(firstLine(gateway)).resolves.toMatch(/^gRPC clients call 127\.0\.0\.1:[1-9]\d*$/);
  } finally {
    gateway.kill();
  }
}, 30_000);

test('the greeter’s own test passes', () => {
  const output = execFileSync(
    process.execPath,
    ['--import', HOOKS, '--test-reporter=tap', 'greeter.test.ts'],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  expect(output).toMatch(/^# pass 1$/m);
  expect(output).toMatch(/^# fail 0$/m);
}, 30_000);

test('the client fetches from the server, and says what is not there', async () => {
  mkdirSync(join(folder, 'photos'));
  const server = run('server.ts');
  try {
    const url = (await firstLine(server)).replace('listening on ', '');
    expect(url).toMatch(/^udp:\/\/127\.0\.0\.1:\d+$/);
    const client = readFileSync(join(folder, 'client.ts'), 'utf8');
    writeFileSync(join(folder, 'client.ts'), client.replace('udp://127.0.0.1:5005', url));
    await expect(firstLine(run('client.ts'))).resolves.toBe('there is no cat.jpg');
    cpSync(join(TOP, 'examples', 'images', 'dunes.jpg'), join(folder, 'photos', 'cat.jpg'));
    await expect(firstLine(run('client.ts'))).resolves.toBe('26841 of 26841 bytes');
  } finally {
    server.kill();
  }
}, 30_000);
