/** What is in the project's Markdown: code blocks with their samples and commands, links, and the anchors that links lead to. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TOP = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What has samples: the README and the guides, by their paths from the top. */
export const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(TOP, 'docs', 'guides'))
    .sort()
    .map((name) => `docs/guides/${name}`),
];

export interface Block {
  readonly document: string;
  readonly language: string;
  readonly text: string;
  /** Of a block that begins with `// file: NAME` or `# file: NAME`. */
  readonly file: string | undefined;
}

export function blocksOf(document: string): Block[] {
  const text = readFileSync(join(TOP, document), 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', block = '']) => {
    const [, file, body = block] = /^(?:\/\/|#) file: (\S+)\n(.*)$/s.exec(block) ?? [];
    return { document, language, text: body, file };
  });
}

/** The commands of its `sh` blocks, without comments. A line that ends with a backslash goes on in the next. */
export function commandsOf(document: string): string[] {
  return blocksOf(document)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/(^|\s+)# .*$/, '').trim())
    .filter((line) => line !== '');
}

export interface Link {
  readonly target: string;
  /** Without `#`. */
  readonly anchor: string | undefined;
}

/** Links that lead into the project. */
export function linksOf(text: string): Link[] {
  const prose = withoutCode(text);
  return [...prose.matchAll(/\]\(<?([^)\s>]+)>?\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [target = '', anchor] = link.split('#');
      return { target, anchor };
    });
}

/** Of its headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} (.*)$/gm)) {
    const base = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    let anchor = base;
    for (let number = 1; anchors.has(anchor); number++) anchor = `${base}-${number}`;
    anchors.add(anchor);
  }
  return anchors;
}

function withoutFences(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '');
}

function withoutCode(text: string): string {
  return withoutFences(text).replaceAll(/`[^`\n]*`/g, '``');
}
