/**
 * The published service grpc.reflection.v1.ServerReflection: tells clients that have no `.proto` files what this server's
 * services are made of, so that `udprpc call` and others can call them. What is not there is an answer (error_response),
 * and the stream goes on. Files are sent with all that they import, each once in a stream.
 */
import { type DeepPartial, type ServiceDefinition, type ServiceImplementation, Status } from '../index.js';
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../generated/grpc/reflection/v1/reflection.js';
import { fileDescriptorSet } from '../../generated/grpc/reflection/v1/reflection.descriptors.js';
import { DescriptorIndex, type IndexedFile } from './descriptor-index.js';

/** The same messages under the name that older clients ask for: add the same service under it too. */
export const ServerReflectionV1AlphaDefinition = {
  ...ServerReflectionDefinition,
  fullName: 'grpc.reflection.v1alpha.ServerReflection',
} as const satisfies ServiceDefinition;

/** Which services are told of. */
export interface ReflectionOptions {
  /** Which services are listed. Default: all of `descriptors`. Reflection itself always is. */
  readonly services?: readonly Pick<ServiceDefinition, 'fullName'>[] | undefined;
}

type Answer = Omit<DeepPartial<ServerReflectionResponse>, 'validHost' | 'originalRequest'>;

/**
 * `descriptors`: one or several google.protobuf.FileDescriptorSet, encoded, imports included: what `npx buf build --as-file-descriptor-set -o
 * descriptors.binpb` writes, and `imageDescriptors` or `healthDescriptors` of this package. They are public then: what the files say, not
 * comments unless they were kept. Throws Error for bytes that are no set, for imports and `services` that are in none.
 */
export function createReflectionService(
  descriptors: Uint8Array | readonly Uint8Array[],
  options: ReflectionOptions = {},
): ServiceImplementation<typeof ServerReflectionDefinition> {
  const sets = descriptors instanceof Uint8Array ? [descriptors] : descriptors;
  const index = new DescriptorIndex([...sets, fileDescriptorSet]);
  const services = listedServices(index, options);
  return {
    async *serverReflectionInfo(requests) {
      const sent = new Set<string>();
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          ...answerOf(request, index, services, sent),
        };
      }
    },
  };
}

function listedServices(index: DescriptorIndex, { services }: ReflectionOptions): readonly string[] {
  if (services === undefined) return [...index.services].sort();
  const names = new Set([ServerReflectionDefinition.fullName, ...services.map(({ fullName }) => fullName)]);
  const known = new Set(index.services);
  for (const name of names) {
    if (!known.has(name)) throw new Error(`service ${name} is in none of the descriptor sets`);
  }
  return [...names].sort();
}

function answerOf(
  request: ServerReflectionRequest,
  index: DescriptorIndex,
  services: readonly string[],
  sent: Set<string>,
): Answer {
  const { fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType } =
    request;
  const files = (file: IndexedFile | undefined, what: string): Answer =>
    file === undefined ? notFound(what) : fileAnswer(index.withImports(file, sent));
  if (fileByFilename !== undefined) return files(index.file(fileByFilename), `file ${shown(fileByFilename)}`);
  if (fileContainingSymbol !== undefined) {
    return files(index.fileOfSymbol(fileContainingSymbol), `symbol ${shown(fileContainingSymbol)}`);
  }
  if (fileContainingExtension !== undefined) {
    const { containingType, extensionNumber } = fileContainingExtension;
    const what = `extension ${extensionNumber} of ${shown(containingType)}`;
    return files(index.fileOfExtension(containingType, extensionNumber), what);
  }
  if (allExtensionNumbersOfType !== undefined) {
    const extensionNumber = index.extensionNumbers(allExtensionNumbersOfType);
    if (extensionNumber === undefined) return notFound(`message ${shown(allExtensionNumbersOfType)}`);
    return { allExtensionNumbersResponse: { baseTypeName: allExtensionNumbersOfType, extensionNumber } };
  }
  if (request.listServices !== undefined) {
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  }
  return errorAnswer(Status.INVALID_ARGUMENT, 'the request asks for nothing');
}

function fileAnswer(files: readonly IndexedFile[]): Answer {
  return { fileDescriptorResponse: { fileDescriptorProto: files.map(({ bytes }) => bytes) } };
}

function notFound(what: string): Answer {
  return errorAnswer(Status.NOT_FOUND, `there is no ${what}`);
}

function errorAnswer(errorCode: Status, errorMessage: string): Answer {
  return { errorResponse: { errorCode, errorMessage } };
}

function shown(name: string): string {
  return `'${name.slice(0, MAX_NAME_SHOWN)}'`;
}

const MAX_NAME_SHOWN = 120;
