/**
 * The samples of README and guides, as a reader uses them: written into a folder with the code that buf generates for them,
 * and run. They import `udprpc` by its name, so what runs is the built package (`npm test` builds it first). Generated code
 * is kept in `dist` until what it is made of changes.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { transformFileSync } from '@swc/core';
import { type Block, blocksOf, commandsOf, DOCUMENTS, TOP } from './markdown.js';
import { Program } from './program.js';

const PROTOBUF_TS = 'generated/protobuf-ts';

interface Sample extends Block {
  readonly file: string;
}

function samples(): Sample[] {
  return DOCUMENTS.flatMap(blocksOf).filter((block): block is Sample => block.file !== undefined);
}

const made: string[] = [];

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

export class SampleFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** With all samples in it. Those that listen on a fixed port listen on a free one here. */
  static async create(): Promise<SampleFolder> {
    const generated = await generatedCode();
    const path = folderInPackage();
    made.push(path);
    for (const { file, text } of samples()) {
      write(path, file, text.replace(/listen\('(127\.0\.0\.1|0\.0\.0\.0):\d+'/, "listen('127.0.0.1:0'"));
    }
    const middleware = readFileSync(join(TOP, 'examples', 'authorisation.ts'), 'utf8');
    write(path, 'authorisation.ts', middleware.replace('../src/index.js', 'udprpc'));
    symlinkSync(generated, join(path, 'generated'));
    symlinkSync(join(TOP, 'node_modules'), join(path, 'node_modules'));
    write(path, 'bin/npx', NPX);
    chmodSync(join(path, 'bin/npx'), 0o755);
    return new SampleFolder(path);
  }

  /** Starts a sample. */
  start(file: string, ...args: readonly string[]): Program {
    this.#assertSample(file);
    return new Program([process.execPath, file.replace(/\.ts$/, '.js'), ...args], this.#options);
  }

  /** What a sample prints on stdout until it ends, in lines. Throws when it fails. */
  async run(file: string, ...args: readonly string[]): Promise<string[]> {
    return linesOf(file, this.start(file, ...args));
  }

  /**
   * Starts a command as README or a guide has it, comments left out. `ports`: by those that it names, those that are in
   * their place.
   */
  startCommand(line: string, ports: Readonly<Record<number, number | string>> = {}): Program {
    if (!DOCUMENTS.some((document) => commandsOf(document).includes(line)))
      throw new Error(`no guide has the command: ${line}`);
    const here = line.replaceAll(/(?<=:|--port )\d+\b/g, (port) => String(ports[Number(port)] ?? port));
    const program = here
      .replace(/^npm run (image-server|fetch-image) --/, `node ${join(TOP, 'dist/examples')}/$1.js`)
      .replace(/^npm run (demo|image-server|fetch-image)$/, `node ${join(TOP, 'dist/examples')}/$1.js`);
    const isSimple = !/^\w+=|[|>;&]/.test(program.replaceAll(/'[^']*'/g, ''));
    return new Program(['bash', '-c', isSimple ? `exec ${program}` : program], this.#options);
  }

  /** What a command prints on stdout until it ends, in lines. Throws when it fails. */
  async runCommand(line: string, ports: Readonly<Record<number, number | string>> = {}): Promise<string[]> {
    return linesOf(line, this.startCommand(line, ports));
  }

  /** A sample with another text, as a reader changes it. Throws when it has not what is to be changed. */
  edit(file: string, from: string, to: string): void {
    const text = this.read(file);
    if (!text.includes(from)) throw new Error(`${file} does not have: ${from}`);
    write(this.path, file, text.replaceAll(from, to));
  }

  read(file: string): string {
    return readFileSync(join(this.path, file), 'utf8');
  }

  write(file: string, text: string | Uint8Array): void {
    write(this.path, file, text);
  }

  /** Has a command of a guide make the generated code anew. */
  async generateAnew(command: string): Promise<void> {
    rmSync(join(this.path, 'generated'));
    await this.runCommand(command);
    compileFolder(join(this.path, 'generated'));
  }

  get #options(): { cwd: string; env: NodeJS.ProcessEnv } {
    const PATH = `${join(this.path, 'bin')}:${process.env['PATH'] ?? ''}`;
    // Reports as text wherever a program asks node:test or a terminal; the token of docs/guides/tls.md.
    const own = { NODE_OPTIONS: '--test-reporter=tap', NO_COLOR: '1', TOKEN: 'nobody-guesses-this' };
    return {
      cwd: this.path,
      env: { ...process.env, ...own, PATH, XDG_STATE_HOME: join(this.path, 'state') },
    };
  }

  #assertSample(file: string): void {
    if (!existsSync(join(this.path, file)))
      throw new Error(`neither README nor a guide has the sample ${file}`);
  }
}

async function linesOf(name: string, program: Program): Promise<string[]> {
  const { code, stdout, stderr } = await program.ended;
  if (code !== 0) throw new Error(`${name} ended with ${String(code)}: ${stderr}${stdout}`);
  return stdout.split('\n').slice(0, -1);
}

/** As npm's, for commands of the package itself and of what it is developed with. */
const NPX = `#!/bin/sh
name=$1; shift
if [ "$name" = udprpc ]; then exec node ${join(TOP, 'dist/src/command/udprpc.js')} "$@"; fi
exec ${join(TOP, 'node_modules/.bin')}/"$name" "$@"
`;

/** By each template that the guides have. Several test files may come here at once: one of them is first, and none waits. */
async function generatedCode(): Promise<string> {
  const sources = samples().filter(({ language }) => language === 'proto' || language === 'yaml');
  const hash = createHash('sha256').update(readFileSync(join(TOP, 'package-lock.json')));
  for (const { file, text } of sources) hash.update(`${file}\n${text}`);
  const kept = join(TOP, 'dist', 'samples-generated', hash.digest('hex').slice(0, 16));
  if (existsSync(kept)) return join(kept, 'generated');
  const folder = folderInPackage();
  try {
    for (const { file, text } of sources) write(folder, file, text);
    symlinkSync(join(TOP, 'node_modules'), join(folder, 'node_modules'));
    const templates = sources.map(({ file }) => file).filter((file) => file.startsWith('buf.gen.'));
    const buf = join(TOP, 'node_modules/.bin/buf');
    for (const template of templates) {
      await promisify(execFile)(buf, ['generate', 'proto', '--template', template], { cwd: folder });
    }
    write(folder, `${PROTOBUF_TS}/package.json`, '{ "type": "commonjs" }');
    compileFolder(join(folder, 'generated'));
    mkdirSync(dirname(kept), { recursive: true });
    for (const name of readdirSync(dirname(kept))) {
      if (name !== basename(kept)) rmSync(join(dirname(kept), name), { recursive: true, force: true });
    }
    renameSync(folder, kept);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    if (!existsSync(kept)) throw error;
  }
  return join(kept, 'generated');
}

/** Inside the package, where its own name resolves. */
function folderInPackage(): string {
  mkdirSync(join(TOP, 'dist'), { recursive: true });
  return mkdtempSync(join(TOP, 'dist', 'samples-'));
}

/** Of TypeScript also what it is in JavaScript, so that no process has to compile it. Types are checked elsewhere, all at once. */
function write(folder: string, file: string, text: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
  if (file.endsWith('.ts')) compile(join(folder, file));
}

function compileFolder(folder: string): void {
  for (const file of readdirSync(folder, { encoding: 'utf8', recursive: true })) {
    if (file.endsWith('.ts')) compile(join(folder, file));
  }
}

function compile(path: string): void {
  const { code } = transformFileSync(path, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: path.includes(PROTOBUF_TS) ? 'commonjs' : 'es6' },
  });
  writeFileSync(path.replace(/\.ts$/, '.js'), code);
}
