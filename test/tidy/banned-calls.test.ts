import { sourceFiles } from './source-tree.js';

/** What the sans-IO floors must not touch, and what to use instead. */
const BANNED: readonly {
  pattern: RegExp;
  instead: string;
  rooms: readonly string[];
  except?: readonly string[];
}[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\b/,
    instead: '`now`, the last argument, or Clock',
    rooms: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/'],
  },
  {
    pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/,
    instead: 'Clock',
    rooms: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/'],
    except: ['src/sim/sim-loop.ts'],
  },
  {
    pattern: /\bMath\.random\(|\bcrypto\.(randomBytes|getRandomValues)|\brandomBytes\(/,
    instead: 'Random',
    rooms: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/'],
  },
  {
    pattern: /\bprocess\.|\bconsole\./,
    instead: 'an option or an event',
    rooms: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/'],
  },
  {
    pattern: /\bBuffer\b/,
    instead: 'Uint8Array',
    rooms: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/'],
  },
  {
    pattern: /\bPromise\b|\basync\b|\bawait\b/,
    instead: 'an event of the core',
    rooms: ['src/base/', 'src/transport/'],
  },
  {
    pattern: /'node:(dgram|tls|net|dns)'/,
    instead: 'src/driver',
    rooms: ['src/base/', 'src/transport/', 'src/rpc/', 'src/sim/', 'src/images/'],
  },
  {
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/,
    instead: 'doing it, or an issue',
    rooms: ['src/', 'examples/', 'bench/'],
  },
  {
    pattern: /\b(describe|test|it)\.only\(|\bfdescribe\(|\bfit\(/,
    instead: 'running all of them',
    rooms: ['test/unit/', 'test/sim/', 'test/e2e/', 'test/fuzz/', 'test/conformance/'],
  },
];

const files = sourceFiles('src', 'examples', 'bench', 'test', 'tools');

test.each(BANNED)('$pattern is not used: $instead is', ({ pattern, instead, rooms, except = [] }) => {
  const found = files
    .filter(({ path }) => rooms.some((room) => path.startsWith(room)) && !except.includes(path))
    .flatMap(({ path, code }) =>
      code
        .split('\n')
        .filter((line) => pattern.test(line))
        .map((line) => `${path}: ${line.trim()} (use ${instead})`),
    );
  expect(found).toEqual([]);
});
