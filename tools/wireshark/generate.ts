/**
 * The numbers and names that the dissector shares with the code, as a table of Lua: `npm run generate` writes it, and
 * `npm run check:dissector` fails when it says something else than src does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Status } from 'nice-grpc-common';
import { CIPHER_SUITES, HELLO_SALT, IV_BYTES, KeyLabel, TAG_BYTES } from '../../src/driver/packet-keys.js';
import { GoAwayTag } from '../../src/rpc/framing/go-away.js';
import { METADATA_TAG } from '../../src/rpc/framing/metadata-codec.js';
import { CLIENT_INSTANCE_BYTES, RequestHeaderTag } from '../../src/rpc/framing/request-header.js';
import { CloseCode, ResetCode } from '../../src/rpc/framing/reset-code.js';
import { TrailerTag } from '../../src/rpc/framing/trailer.js';
import { UnitType } from '../../src/rpc/framing/unit.js';
import { CONNECTION_ID_BYTES } from '../../src/transport/connection/transport-options.js';
import { CHECKSUM_BYTES } from '../../src/transport/protection/plaintext.js';
import { TransportErrorCode } from '../../src/transport/transport-error.js';
import { MAX_CONNECTION_ID_BYTES, PATH_BYTES, RESET_TOKEN_BYTES } from '../../src/transport/wire/frame.js';
import { FrameType, StreamFlag } from '../../src/transport/wire/frame-type.js';
import { HeaderBits, SHORTEST_LONG_HEADER } from '../../src/transport/wire/header.js';
import { ParameterId } from '../../src/transport/wire/transport-parameters.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';

type Value = number | string | { readonly [key: string]: Value };

const CONSTANTS: Value = {
  versions: ProtocolVersion,
  header: HeaderBits,
  shortest_long_header: SHORTEST_LONG_HEADER,
  connection_id_bytes: CONNECTION_ID_BYTES,
  max_connection_id_bytes: MAX_CONNECTION_ID_BYTES,
  reset_token_bytes: RESET_TOKEN_BYTES,
  path_bytes: PATH_BYTES,
  checksum_bytes: CHECKSUM_BYTES,
  tag_bytes: TAG_BYTES,
  iv_bytes: IV_BYTES,
  hello_salt: Buffer.from(HELLO_SALT).toString('hex'),
  hello_suite: 'TLS_AES_128_GCM_SHA256',
  key_labels: KeyLabel,
  suites: Object.fromEntries(
    [...CIPHER_SUITES].map(([name, { cipher, keyBytes, hash, hashBytes }]) => [
      name,
      { cipher, hash, key_bytes: keyBytes, hash_bytes: hashBytes },
    ]),
  ),
  frames: FrameType,
  stream_flags: StreamFlag,
  transport_parameters: ParameterId,
  transport_errors: TransportErrorCode,
  close_codes: CloseCode,
  reset_codes: ResetCode,
  units: UnitType,
  request_header_tags: RequestHeaderTag,
  trailer_tags: TrailerTag,
  go_away_tags: GoAwayTag,
  metadata_tag: METADATA_TAG,
  client_instance_bytes: CLIENT_INSTANCE_BYTES,
  statuses: Object.fromEntries(
    Object.entries(Status).filter((entry): entry is [string, Status] => typeof entry[1] === 'number'),
  ),
};

function lua(value: Value, indent: string): string {
  if (typeof value === 'number') return value < 10 ? String(value) : `0x${value.toString(16)}`;
  if (typeof value === 'string') return `'${value}'`;
  const deeper = `${indent}  `;
  const lines = Object.entries(value).map(([name, each]) => `${deeper}${name} = ${lua(each, deeper)},\n`);
  return `{\n${lines.join('')}${indent}}`;
}

const FILE = new URL('udprpc/constants.lua', import.meta.url);
const text = `-- Made by \`npm run generate\` from src: change it there.\n\nreturn ${lua(CONSTANTS, '')}\n`;

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    process.stderr.write('tools/wireshark/udprpc/constants.lua is not what src says: npm run generate\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, text);
}
