/**
 * Asks a server for its descriptors, v1 or, where the server does not have that, v1alpha. What comes back is a stranger's: it
 * is bounded in bytes and files, never followed in a circle, and handed on as bytes, of which no more is read here than
 * names and imports. Whoever makes something of them checks them.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { type Channel, type Client, createClient, RpcError, type RpcCallOptions, Status } from '../index.js';
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../generated/grpc/reflection/v1/reflection.js';
import { ServerReflectionV1AlphaDefinition } from './reflection-service.js';

/** The server's answer is an error, or is none that could be used. */
export class ReflectionError extends Error {
  override readonly name = 'ReflectionError';
  readonly code: Status;

  constructor(code: Status, message: string) {
    super(message);
    this.code = code;
  }
}

type Question = Partial<ServerReflectionRequest>;
type OnAnswer = (answer: ServerReflectionResponse) => void;

export class ReflectionClient {
  readonly #channel: Channel;
  readonly #options: RpcCallOptions;
  #client: Client<typeof ServerReflectionDefinition> | undefined;

  /** `options`: of each of its calls. All its methods throw RpcError, and ReflectionError. */
  constructor(channel: Channel, options: RpcCallOptions = {}) {
    this.#channel = channel;
    this.#options = options;
  }

  /** Full names, as the server wrote them, sorted. */
  async serviceNames(): Promise<readonly string[]> {
    let names: readonly string[] | undefined;
    await this.#ask([{ listServices: '' }], (answer) => {
      names = answer.listServicesResponse?.service.map(({ name }) => name);
      if (names === undefined) throw failureOf(answer);
    });
    if (names === undefined) throw failureOf(undefined);
    if (names.length > MAX_FILES) throw unusable(`it lists ${names.length} services, more than ${MAX_FILES}`);
    return names.toSorted();
  }

  /**
   * The FileDescriptorProtos of the file that declares `symbol` and of all that it imports. Throws ReflectionError
   * NOT_FOUND where the server does not know it.
   */
  async filesOf(symbol: string): Promise<readonly Uint8Array[]> {
    const files = new GivenFiles();
    let questions: readonly Question[] = [{ fileContainingSymbol: symbol }];
    while (questions.length > 0) {
      const known = files.byName.size;
      await this.#ask(questions, (answer) => {
        files.add(answer);
      });
      if (files.byName.size === known) throw unusable('it does not give all imports');
      questions = files.missing().map((fileByFilename) => ({ fileByFilename }));
    }
    return [...files.byName.values()].map(({ bytes }) => bytes);
  }

  /** Each answer is looked at as it comes, so that no more is kept than what it is kept for. */
  async #ask(questions: readonly Question[], onAnswer: OnAnswer): Promise<void> {
    if (this.#client !== undefined) return this.#askOf(this.#client, questions, onAnswer);
    const client = createClient(ServerReflectionDefinition, this.#channel);
    try {
      await this.#askOf(client, questions, onAnswer);
      this.#client = client;
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== Status.UNIMPLEMENTED) throw error;
      this.#client = createClient(ServerReflectionV1AlphaDefinition, this.#channel);
      await this.#askOf(this.#client, questions, onAnswer);
    }
  }

  async #askOf(
    client: Client<typeof ServerReflectionDefinition>,
    questions: readonly Question[],
    onAnswer: OnAnswer,
  ): Promise<void> {
    // eslint-disable-next-line @typescript-eslint/require-await -- A request stream is an AsyncIterable.
    const stream = async function* (): AsyncGenerator<Question> {
      yield* questions;
    };
    let answers = 0;
    for await (const answer of client.serverReflectionInfo(stream(), this.#options)) {
      onAnswer(answer);
      if (++answers === questions.length) break;
    }
  }
}

interface FileHead {
  readonly name: string;
  readonly imports: readonly string[];
  readonly bytes: Uint8Array;
}

/** What one question led to: each file once, and a limit for all that came, what was there already included. */
class GivenFiles {
  readonly byName = new Map<string, FileHead>();
  #bytes = 0;

  add(answer: ServerReflectionResponse): void {
    const given = answer.fileDescriptorResponse?.fileDescriptorProto;
    if (given === undefined) throw failureOf(answer);
    for (const bytes of given) {
      this.#bytes += bytes.length;
      if (this.#bytes > MAX_BYTES)
        throw unusable(`it gives ${this.#bytes} bytes of descriptors, more than ${MAX_BYTES}`);
      const head = headOf(bytes);
      if (!this.byName.has(head.name)) this.byName.set(head.name, head);
      if (this.byName.size > MAX_FILES) throw unusable(`it gives more than ${MAX_FILES} files`);
    }
  }

  /** Imported, and not given. */
  missing(): string[] {
    const imports = new Set([...this.byName.values()].flatMap((file) => file.imports));
    const missing = [...imports].filter((name) => !this.byName.has(name));
    const count = this.byName.size + missing.length;
    if (count > MAX_FILES) throw unusable(`${count} files belong together, more than ${MAX_FILES}`);
    return missing;
  }
}

function headOf(bytes: Uint8Array): FileHead {
  let name = '';
  const imports: string[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [fieldNumber, wireType] = reader.tag();
      if (fieldNumber === NAME) name = reader.string();
      else if (fieldNumber === DEPENDENCY) imports.push(reader.string());
      else reader.skip(wireType, fieldNumber);
    }
  } catch {
    throw unusable('it gives descriptors that are damaged');
  }
  if (imports.length > MAX_FILES) throw unusable(`a file imports ${imports.length} others`);
  return { name, imports, bytes };
}

function failureOf(answer: ServerReflectionResponse | undefined): ReflectionError {
  const error = answer?.errorResponse;
  if (error === undefined) return unusable('it answers something else than was asked');
  const code: Status = isStatus(error.errorCode) ? error.errorCode : Status.UNKNOWN;
  return new ReflectionError(code, `the server's reflection: ${Status[code]}: ${error.errorMessage}`);
}

function isStatus(code: number): code is Status {
  return code !== 0 && code in Status;
}

function unusable(why: string): ReflectionError {
  return new ReflectionError(Status.INTERNAL, `the server's reflection cannot be used: ${why}`);
}

/** Fields of FileDescriptorProto. */
const NAME = 1;
const DEPENDENCY = 3;

const MAX_FILES = 2_000;

/** Of all files together, beside the channel's limit for each message. */
const MAX_BYTES = 8_388_608;
