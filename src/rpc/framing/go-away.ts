/**
 * What a server says when it wants a client off a connection that nobody asks anything on: one GO_AWAY unit and the end,
 * on a stream that the server opens [RPC-15]. The last stream ID tells the client what it may be sure of: calls on
 * streams above were not started and will not be, those up to it go on. Pure: bytes to values and back.
 */
import { FieldReader } from './field-reader.js';
import { tooLarge } from './framing-error.js';
import { UnitType } from './unit.js';
import { type UnitWriter } from './unit-writer.js';

export interface GoAway {
  /** Of a call that was or may still be started; none when it is undefined. */
  readonly lastStreamId: number | undefined;
}

/** Appends a GO_AWAY unit. */
export function writeGoAway(writer: UnitWriter, { lastStreamId }: GoAway): void {
  writer.beginUnit(UnitType.GO_AWAY);
  if (lastStreamId !== undefined) writer.varintField(GoAwayTag.LAST_STREAM_ID, lastStreamId);
  writer.endUnit();
}

/** Gathers what comes on the stream; afterwards it is one GO_AWAY. Its methods throw FramingError. */
export class GoAwayReader {
  #bytes = new Uint8Array();

  push(chunk: Uint8Array): void {
    const size = this.#bytes.length + chunk.length;
    if (size > MAX_GO_AWAY_BYTES) throw tooLarge(`a GO_AWAY is above ${MAX_GO_AWAY_BYTES} bytes`);
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    this.#bytes = bytes;
  }

  /** The stream has ended. Undefined when a later version says something here that this one may pass over. */
  end(): GoAway | undefined {
    // A unit has the form of a field: type, length, body.
    const units = new FieldReader(this.#bytes);
    let goAway: GoAway | undefined;
    while (units.nextField()) {
      if (units.tag === UnitType.GO_AWAY) goAway = decodeGoAway(units.valueBytes());
      else units.skipUnknown();
    }
    return goAway;
  }
}

function decodeGoAway(body: Uint8Array): GoAway {
  const fields = new FieldReader(body);
  let lastStreamId: number | undefined;
  while (fields.nextField()) {
    if (fields.tag === GoAwayTag.LAST_STREAM_ID) lastStreamId = fields.valueVarint();
    else fields.skipUnknown();
  }
  return { lastStreamId };
}

export const GoAwayTag = { LAST_STREAM_ID: 0x01 } as const;

/** Today it takes 6 to 13; the rest is for fields of later versions. */
const MAX_GO_AWAY_BYTES = 1_024;
