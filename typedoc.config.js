/**
 * `npm run docs`: dist/docs, the guides and the reference of every entry point of package.json. A docstring that is missing, a
 * type that is not exported or a link that leads nowhere fails it.
 */
import { readFileSync } from 'node:fs';
import { Comment, Converter, ReflectionKind } from 'typedoc';

const top = (path) => new URL(path, import.meta.url);
const { exports } = JSON.parse(readFileSync(top('package.json'), 'utf8'));
const readme = readFileSync(top('README.md'), 'utf8');

/** In the order of the README's table, in which all of them are (test/tidy). */
const guides = [...readme.matchAll(/^\| \[.*?\]\((docs\/guides\/\S+)\)/gm)].map(([, path]) => path);

export default {
  name: 'udprpc',
  includeVersion: true,
  // Wherever the checkout came from, its files lie there.
  disableGit: true,
  sourceLinkTemplate: '../../../src/{path}#L{line}',
  tsconfig: 'tsconfig.build.json',
  out: 'dist/docs',
  entryPoints: Object.values(exports)
    .filter(({ types }) => types !== undefined)
    .map(({ types }) => types.replace(/^\.\/dist\/(.*)\.d\.ts$/, '$1.ts')),
  projectDocuments: [
    ...guides,
    ...['PROTOCOL.md', 'SECURITY.md', 'ARCHITECTURE.md', 'bench/README.md', 'tools/README.md'],
    ...['CONTRIBUTING.md', 'CHANGELOG.md'],
  ],
  plugin: [namesAndOrigins],
  readme: 'README.md',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  highlightLanguages: ['typescript', 'javascript', 'json', 'proto', 'shellscript', 'yaml'],
  groupOrder: ['Guides', 'Modules', 'Functions', 'Classes', 'Interfaces', 'Type Aliases', '*', 'More'],
  navigation: { includeGroups: true, excludeReferences: true },
  treatWarningsAsErrors: true,
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: true,
  },
  // Fields say by their names what they are, or have a docstring.
  requiredToBeDocumented: [
    ...['Class', 'Interface', 'TypeAlias', 'Function', 'Variable', 'Enum', 'Method', 'Accessor'],
  ],
  intentionallyNotDocumented: ['udprpc.MessageCodec.encode.__type.finish'],
  // Steps of mapped types, shapes of generated code, and what is told once more where it is used.
  intentionallyNotExported: [
    ...['Atom', 'Client', 'CodecOf', 'Inward', 'Material', 'MessageFns', 'MessageInit', 'MessageOf'],
    ...['BalancerOwner', 'Cancellable', 'FATES', 'SubchannelOwner'],
    ...['ExtensionRequest', 'ExtensionNumberResponse', 'ErrorResponse', 'FileDescriptorResponse'],
    'ListServiceResponse',
    'src/rpc/client/channel.ts:ChannelOptions',
    'src/rpc/server/server-options.ts:ServerOptions',
  ],
};

/** Documents are called by their titles, modules as they are imported, and what is generated says of what. */
function namesAndOrigins(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const document of project.documents ?? []) {
      document.frontmatter.group = document.name.startsWith('docs/guides/') ? 'Guides' : 'More';
      const [, title] = /^# (.*)$/m.exec(document.content[0]?.text ?? '') ?? [];
      if (title === undefined) throw new Error(`${document.name} does not begin with a heading`);
      document.name = title;
    }
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = module.name === 'index' ? 'udprpc' : `udprpc/${module.name}`;
    }
    for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) {
      const file = reflection.sources?.[0]?.fileName ?? '';
      if (!/^(udprpc\/)?generated\//.test(file) || reflection.hasComment()) continue;
      const proto = file.replace(/^.*generated\//, '').replace(/(\.descriptors)?\.ts$/, '.proto');
      reflection.comment = new Comment([{ kind: 'text', text: `Generated from \`${proto}\`.` }]);
    }
  });
}
