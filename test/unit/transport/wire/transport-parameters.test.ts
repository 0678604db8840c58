import fc from 'fast-check';
import { TransportError, TransportErrorCode } from '../../../../src/transport/transport-error.js';
import {
  DEFAULT_TRANSPORT_PARAMETERS,
  checkTransportParameters,
  decodeTransportParameters,
  encodeTransportParameters,
  type TransportParameters,
} from '../../../../src/transport/wire/transport-parameters.js';

const connectionId = fc.uint8Array({ maxLength: 20 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const anyParameters: fc.Arbitrary<TransportParameters> = fc.record({
  idleTimeoutMs: fc.maxSafeNat(),
  maxDatagramSize: fc.integer({ min: 1_200, max: 100_000 }),
  initialMaxData: fc.maxSafeNat(),
  initialMaxStreamData: fc.maxSafeNat(),
  initialMaxStreams: fc.integer({ min: 0, max: 2 ** 52 }),
  maxAckDelayMs: fc.nat(2 ** 14 - 1),
  activeConnectionIdLimit: fc.integer({ min: 2, max: 100 }),
  sourceConnectionId: connectionId,
  originalDestinationConnectionId: optional(connectionId),
  retrySourceConnectionId: optional(connectionId),
  receiveBufferBytes: optional(fc.maxSafeNat()),
  incarnation: optional(fc.uint8Array({ minLength: 8, maxLength: 8 })),
  versions: fc.array(fc.nat(0xffff_ffff), { maxLength: 5 }),
});

const fromServer: TransportParameters = {
  ...DEFAULT_TRANSPORT_PARAMETERS,
  sourceConnectionId: new Uint8Array(8),
  originalDestinationConnectionId: new Uint8Array(8),
  incarnation: new Uint8Array(8),
  versions: [0x75700001],
};
const fromClient: TransportParameters = {
  ...DEFAULT_TRANSPORT_PARAMETERS,
  sourceConnectionId: new Uint8Array(8),
  versions: [0x75700001],
};

const parameterError = expect.objectContaining({
  name: 'TransportError',
  code: TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
}) as Error;

describe('transport parameters', () => {
  test('[TPM-1] what is encoded is decoded, with a reserved parameter as without', () => {
    const greaseId = fc.option(
      fc.nat(1_000_000).map((n) => 31 * n + 27),
      { nil: undefined },
    );
    fc.assert(
      fc.property(anyParameters, greaseId, (parameters, id) => {
        expect(decodeTransportParameters(encodeTransportParameters(parameters, id))).toEqual(parameters);
      }),
      { numRuns: 500 },
    );
  });

  test('[TPM-4] the reserved parameter is really sent', () => {
    const grown =
      encodeTransportParameters(fromClient, 27).length - encodeTransportParameters(fromClient).length;
    expect(grown).toBe(2);
    expect(() => encodeTransportParameters(fromClient, 28)).toThrow('assertion');
  });

  test('[TPM-2] whatever is sent twice is an error, also when it is unknown', () => {
    const known = encodeTransportParameters(fromClient);
    expect(() => decodeTransportParameters(new Uint8Array([...known, ...known]))).toThrow(parameterError);
    const unknownTwice = new Uint8Array([...known, 0x3a, 0x00, 0x3a, 0x00]);
    expect(() => decodeTransportParameters(unknownTwice)).toThrow(parameterError);
  });

  test('what was decoded holds no memory of the datagram', () => {
    const bytes = Buffer.from(encodeTransportParameters(fromServer));
    const decoded = decodeTransportParameters(bytes);
    bytes.fill(0xff);
    expect(decoded).toEqual(fromServer);
    expect(Object.getPrototypeOf(decoded.sourceConnectionId)).toBe(Uint8Array.prototype);
  });

  test('values out of their range are our bug when encoded', () => {
    expect(() => encodeTransportParameters({ ...fromClient, maxDatagramSize: 1_199 })).toThrow('assertion');
  });

  test('[TPM-6] a client sends nothing that is only the server’s, and the server must send it', () => {
    expect(() => {
      checkTransportParameters(fromClient, 'client');
    }).not.toThrow();
    expect(() => {
      checkTransportParameters(fromServer, 'server');
    }).not.toThrow();
    const eight = new Uint8Array(8);
    for (const extra of ['originalDestinationConnectionId', 'retrySourceConnectionId', 'incarnation']) {
      expect(() => {
        checkTransportParameters({ ...fromClient, [extra]: eight }, 'client');
      }).toThrow(parameterError);
    }
    for (const missing of ['originalDestinationConnectionId', 'incarnation']) {
      expect(() => {
        checkTransportParameters({ ...fromServer, [missing]: undefined }, 'server');
      }).toThrow(parameterError);
    }
  });

  test.each(['initialMaxData', 'initialMaxStreamData', 'initialMaxStreams'] as const)(
    '[TPM-5] a server whose %s is below that of a first flight is refused, a client is not',
    (name) => {
      const low = { [name]: DEFAULT_TRANSPORT_PARAMETERS[name] - 1 };
      expect(() => {
        checkTransportParameters({ ...fromServer, ...low }, 'server');
      }).toThrow(parameterError);
      expect(() => {
        checkTransportParameters({ ...fromClient, ...low }, 'client');
      }).not.toThrow();
    },
  );

  test('arbitrary bytes throw nothing but TRANSPORT_PARAMETER_ERROR', () => {
    const damaged = fc
      .tuple(anyParameters, fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 3 }), fc.nat(20))
      .map(([parameters, changes, cut]) => {
        const bytes = encodeTransportParameters(parameters);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes.subarray(0, Math.max(0, bytes.length - cut));
      });
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), damaged), (bytes) => {
        try {
          decodeTransportParameters(bytes);
        } catch (error) {
          refused++;
          expect(error).toBeInstanceOf(TransportError);
          expect(error).toEqual(parameterError);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });
});
