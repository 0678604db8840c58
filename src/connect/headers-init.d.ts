/**
 * What Connect's types take for given, as browsers' types and those of newer Nodes have it, and those of Node 20 do not.
 * For compiling this project: it is not in the package.
 */
type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;
