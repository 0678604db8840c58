/** What some hundred seeds must reach: a dimension, frame, fate or outcome that never occurs is not tested. */

const FATES = [
  'badPeriod',
  'blackedOut',
  'burst',
  'corrupted',
  'delivered',
  'duplicated',
  'extended',
  'lost',
  'noSocket',
  'queueFull',
  'reordered',
  'replayed',
  'sendFailed',
  'spliced',
  'truncated',
];

/** All that this version sends: no path, connection ID or address frames yet. */
const FRAMES = [
  'HELLO ACK',
  'HELLO CLOSE_TRANSPORT',
  'HELLO HANDSHAKE',
  'HELLO PADDING',
  'HELLO PING',
  'PROTECTED ACK',
  'PROTECTED CLOSE_APPLICATION',
  'PROTECTED CLOSE_TRANSPORT',
  'PROTECTED DATA_BLOCKED',
  'PROTECTED ACK_FREQUENCY',
  'PROTECTED HANDSHAKE_DONE',
  'PROTECTED MAX_DATA',
  'PROTECTED MAX_STREAMS',
  'PROTECTED MAX_STREAM_DATA',
  'PROTECTED NEW_CONNECTION_ID',
  'PROTECTED PADDING',
  'PROTECTED PING',
  'PROTECTED RESET_STREAM',
  'PROTECTED STOP_SENDING',
  'PROTECTED STREAM',
  'PROTECTED STREAMS_BLOCKED',
  'PROTECTED STREAM_DATA_BLOCKED',
];

/** Without those that only other versions or hostile peers cause. */
const DROPS = [
  'badHello',
  'connectionEnded',
  'duplicate',
  'foreignConnectionId',
  'helloAfterConfirmation',
  'malformedHeader',
  'notAuthentic',
  'otherAddress',
  'refused',
  'undecryptable',
  'unknownConnection',
  'unknownType',
];

const FAULTS = [
  'clientCrash',
  'handshakeAltered',
  'handshakeFailure',
  'move address',
  'move inherited',
  'move port',
  'move returned',
  'mtuChange',
  'pause',
  'serverCrash',
];
/** An attack, and what each kind of violation ends with. */
const HOSTILE = [
  'connection',
  'told',
  'closed by local FLOW_CONTROL_ERROR',
  'closed by local FRAME_ENCODING_ERROR',
  'closed by local PROTOCOL_VIOLATION',
  'closed by local STREAM_LIMIT_ERROR',
  'closed by local STREAM_STATE_ERROR',
];
const CALLS = ['CANCELLED', 'DEADLINE_EXCEEDED', 'FAILED_PRECONDITION', 'OK', 'UNAVAILABLE', 'UNKNOWN'];
const STREAMS = ['cancelled', 'closed', 'lost', 'ok', 'reset', 'timeout'];

export const REQUIRED_COVERAGE: readonly string[] = [
  ...named('fate', FATES),
  ...named('frame', FRAMES),
  ...named('drop', DROPS),
  ...named('fault', FAULTS),
  ...named('hostile', HOSTILE),
  ...named('call', CALLS),
  ...named('stream', STREAMS),
];

/** Of fewer seeds nothing is asked. */
export const SEEDS_THAT_REACH_ALL = 400;

function named(group: string, names: readonly string[]): string[] {
  return names.map((name) => `${group}/${name}`);
}
