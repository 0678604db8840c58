/**
 * What the facts were seen to be, on the newest Node of each line that is supported. Where the lines differ, `since`
 * has an entry for each one that changed something. `(later)` marks an event that did not come while bytes were given
 * to that side's TLS.
 */
export function expectedFacts(
  version: string,
  { NODE_TLS_REJECT_UNAUTHORIZED }: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, unknown>> {
  const major = Number(version.split('.')[0]);
  const since = <T>(byMajor: Readonly<Record<number, T>>): T | undefined =>
    byMajor[
      Math.max(
        ...Object.keys(byMajor)
          .map(Number)
          .filter((it) => it <= major),
      )
    ];
  const isSwitchedOff = NODE_TLS_REJECT_UNAUTHORIZED === '0';
  return {
    'the client is done first and before its Finished is written; tickets come last, two of them':
      'client writes hello, server writes hello protected, client secureConnect, client writes protected, server secureConnection, server writes protected, client session, client session',
    'without the Finished of the client the server says nothing, and exports nothing': {
      said: 'server writes hello protected',
      before: ['ERR_TLS_INVALID_STATE'],
      atOnce: true,
    },
    'the exporter of a client throws before secureConnect, and after destroy': {
      before: 'ERR_TLS_INVALID_STATE',
      atOnce: "TypeError: Cannot read properties of null (reading 'exportKeyingMaterial')",
      after: "TypeError: Cannot read properties of null (reading 'exportKeyingMaterial')",
    },
    'both ends export the same in the events themselves; label, length and context make a difference': {
      same: true,
      otherLabel: false,
      otherContext: false,
      noContextIsEmptyContext: true,
      shorterIsPrefix: false,
    },
    'while a write of the client is not called back: secureConnect comes, its Finished is not written': {
      held: 'client writes hello, server writes hello protected, client secureConnect',
      released:
        'client writes protected, server secureConnection, server writes protected, client session, client session',
    },
    'a long flight of the client is written in parts, all of them before the callback of a write of a byte':
      'client writes hello, server writes hello protected, client secureConnect, client writes a part, client writes protected, client called back',
    'a long flight of the client is written in parts, all of them before the callback of a write of nothing':
      'client writes hello, server writes hello protected, client secureConnect, client writes a part, client writes protected, client called back',
    'a long flight of the server is written in parts, its tickets too':
      'client writes hello, server writes hello protected, server writes protected, client secureConnect, client writes a part, client writes protected, server secureConnection, server writes protected, server writes a part, server writes protected',
    'bytes may come one at a time': 2,
    'both tickets of one delivery are told in that delivery': { sessionsAtOnce: 2 },
    'a hello of the client fits a datagram of 1,200 bytes': since({ 20: true, 22: false }),
    'a hello with one classic group fits a datagram': true,
    'ALPN: both ask for another protocol': {
      log: 'client writes hello, server writes alert, server tlsClientError ERR_SSL_NO_APPLICATION_PROTOCOL (later), client error ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL (later), server stream close, client stream close, client close',
      client: null,
    },
    'ALPN: only the client asks for one': {
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server secureConnection, server writes protected, client session, client session',
      client: false,
      server: false,
    },
    'ALPN: only the server asks for one': {
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server secureConnection, server writes protected, client session, client session',
      client: false,
      server: false,
    },
    'ALPN: one of several is common': {
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server secureConnection, server writes protected, client session, client session',
      client: 'udprpc/1',
      server: 'udprpc/1',
    },
    'a client of TLS 1.2: both learn it, the client by an alert':
      'client writes hello, server writes alert, server tlsClientError ERR_SSL_UNSUPPORTED_PROTOCOL (later), client error ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION (later), server stream close, client stream close, client close',
    'no common cipher suite: both learn it, the client by an alert': since({
      20: 'client writes hello, server writes alert, server tlsClientError ERR_SSL_NO_SHARED_CIPHER (later), client error ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE (later), server stream close, client stream close, client close',
      22: 'client writes hello, server writes alert, server tlsClientError ERR_SSL_NO_SHARED_CIPHER (later), client error ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE (later), server stream close, client stream close, client close',
    }),
    'bytes that are no TLS: the server learns it, and says so':
      'server tlsClientError ERR_SSL_HTTP_REQUEST (later), server stream close',
    'server names by addContext': [
      ['second server', 'second.example', 'client secureConnect, server secureConnection'],
      ['server', 'cam.example', 'client secureConnect, server secureConnection'],
    ],
    'server names by SNICallback': [
      ['second server', 'second.example', 'client secureConnect, server secureConnection'],
      ['server', 'cam.example', 'client secureConnect, server secureConnection'],
    ],
    'server names by SNICallback, later': [
      ['second server', 'second.example', 'client secureConnect, server secureConnection'],
      ['server', 'cam.example', 'client secureConnect, server secureConnection'],
    ],
    'who the server is, of 10.1.1.1 as host': 'accepted, servername false',
    'who the server is, of 10.1.1.1 as servername': since({
      20: 'accepted, servername 10.1.1.1',
      26: 'throws ERR_INVALID_ARG_VALUE',
    }),
    'who the server is, of neither':
      "Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames: DNS:cam.example, DNS:*.cams.example, IP Address:10.1.1.1",
    'who the server is, of a name as host': 'accepted, servername false',
    'a byte altered anywhere in the handshake: never two ends with the same keys, but for what no record protects':
      {
        isEnough: true,
        secureAtOneEnd: true,
        harmless: ['flight 1, version of record 1', 'flight 2, version of record 1'],
      },
    'a ticket altered on its way: the client errs although it is done': since({
      20: 'client writes protected-alert, client error ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, server socket error ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC',
      22: 'client writes protected-alert, client error ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, server socket error ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC',
    }),
    'a handshake that goes nowhere: only the server says so, nobody ends it, no timer keeps the process': {
      timersThatKeepTheProcess: 0,
      log: 'client writes hello, server tlsClientError ERR_TLS_HANDSHAKE_TIMEOUT (later)',
    },
    'a certificate of the server that is self-signed': {
      log: 'client writes hello, server writes hello protected, client stream close, client error DEPTH_ZERO_SELF_SIGNED_CERT (later), client close',
      authorizationError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    },
    'a certificate of the server that is of a foreign authority': {
      log: 'client writes hello, server writes hello protected, client stream close, client error UNABLE_TO_VERIFY_LEAF_SIGNATURE (later), client close',
      authorizationError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    },
    'a certificate of the server that is expired': {
      log: 'client writes hello, server writes hello protected, client stream close, client error CERT_HAS_EXPIRED (later), client close',
      authorizationError: 'CERT_HAS_EXPIRED',
    },
    'a certificate of the server that is for another name': {
      log: 'client writes hello, server writes hello protected, client stream close, client error ERR_TLS_CERT_ALTNAME_INVALID (later), client close',
      authorizationError: 'ERR_TLS_CERT_ALTNAME_INVALID',
    },
    'a self-signed certificate that the client names as its authority is accepted': true,
    'what is not said of rejectUnauthorized, the environment decides': {
      isAccepted: isSwitchedOff,
      authorized: false,
    },
    'a server that asks for a certificate of the client gets none': {
      clientExporter: 'works',
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server writes protected-alert, client error ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED, server tlsClientError ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE (later), server stream close',
      authorizationError: null,
    },
    'a server that asks for a certificate of the client gets one of a foreign authority': {
      clientExporter: 'works',
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server stream close, server tlsClientError ECONNRESET (later)',
      authorizationError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    },
    'a server that asks for a certificate of the client gets an expired one': {
      clientExporter: 'works',
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server stream close, server tlsClientError ECONNRESET (later)',
      authorizationError: 'CERT_HAS_EXPIRED',
    },
    'a server that asks for a certificate of the client gets a good one': {
      clientExporter: 'works',
      log: 'client writes hello, server writes hello protected, client secureConnect, client writes protected, server secureConnection, server writes protected, client session, client session',
      authorized: true,
      subject: 'client',
    },
    'a server that does not ask for a certificate gets none': { authorized: false, certificate: {} },
    'resumed with a ticket of the same server and name': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with the same ticket a second time': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a ticket of another name': since({
      20: {
        reused: [true, true],
        authorized: [true, false],
        peers: [null, null],
        x509: [null, null],
        alpn: 'udprpc/1',
        areKeysEqual: true,
        areKeysOfFirst: false,
        newTickets: 0,
      },
      22: {
        refused:
          'client writes hello, server writes hello protected, client stream close, client error ERR_TLS_CERT_ALTNAME_INVALID (later), client close',
        reason: 'ERR_TLS_CERT_ALTNAME_INVALID',
      },
    }),
    'resumed with a copy of the ticket': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a copy of a ticket of another name': since({
      20: {
        reused: [true, true],
        authorized: [true, false],
        peers: [null, null],
        x509: [null, null],
        alpn: 'udprpc/1',
        areKeysEqual: true,
        areKeysOfFirst: false,
        newTickets: 0,
      },
      22: {
        refused:
          'client writes hello, server writes hello protected, client stream close, client error ERR_TLS_CERT_ALTNAME_INVALID (later), client close',
        reason: 'ERR_TLS_CERT_ALTNAME_INVALID',
      },
    }),
    'resumed with a ticket of another name that the certificate has too': since({
      20: {
        reused: [true, true],
        authorized: [true, false],
        peers: [null, null],
        x509: [null, null],
        alpn: 'udprpc/1',
        areKeysEqual: true,
        areKeysOfFirst: false,
        newTickets: 0,
      },
      22: {
        reused: [false, false],
        authorized: [true, false],
        peers: ['server', null],
        x509: ['CN=server', null],
        alpn: 'udprpc/1',
        areKeysEqual: true,
        areKeysOfFirst: false,
        newTickets: 2,
      },
    }),
    'resumed with a ticket of another address': since({
      20: {
        reused: [true, true],
        authorized: [true, false],
        peers: [null, null],
        x509: [null, null],
        alpn: 'udprpc/1',
        areKeysEqual: true,
        areKeysOfFirst: false,
        newTickets: 0,
      },
      22: {
        refused:
          'client writes hello, server writes hello protected, client stream close, client error ERR_TLS_CERT_ALTNAME_INVALID (later), client close',
        reason: 'ERR_TLS_CERT_ALTNAME_INVALID',
      },
    }),
    'resumed with a ticket of an authority that is trusted no more': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a ticket, now with another ALPN': {
      refused:
        'client writes hello, server writes alert, server tlsClientError ERR_SSL_NO_APPLICATION_PROTOCOL (later), client error ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL (later), server stream close, client stream close, client close',
      reason: null,
    },
    'resumed with mutual: the same client': {
      reused: [true, true],
      authorized: [true, true],
      peers: [null, 'client'],
      x509: [null, 'CN=client'],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with mutual: now without a certificate': {
      reused: [true, true],
      authorized: [true, true],
      peers: [null, 'client'],
      x509: [null, 'CN=client'],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with mutual: now with another certificate': {
      reused: [true, true],
      authorized: [true, true],
      peers: [null, 'client'],
      x509: [null, 'CN=client'],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a ticket of before setSecureContext': {
      reused: [false, false],
      authorized: [true, false],
      peers: ['renewed server', null],
      x509: ['CN=renewed server', null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 2,
    },
    'resumed with a ticket of before setSecureContext that was given the old ticket keys': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a ticket of before setSecureContext, setTicketKeys of the old ones after it': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a ticket of another server': {
      reused: [false, false],
      authorized: [true, false],
      peers: ['server', null],
      x509: ['CN=server', null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 2,
    },
    'resumed with a ticket of another server with the same ticket keys': {
      reused: [true, true],
      authorized: [true, false],
      peers: [null, null],
      x509: [null, null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'resumed with a ticket of another server with the same ticket keys and another sessionIdContext': {
      reused: [false, false],
      authorized: [true, false],
      peers: ['server', null],
      x509: ['CN=server', null],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 2,
    },
    'resumed with mutual: a ticket of a server that did not ask': since({
      20: {
        reused: [true, true],
        authorized: [true, true],
        peers: [null, null],
        x509: [null, null],
        alpn: 'udprpc/1',
        areKeysEqual: true,
        areKeysOfFirst: false,
        newTickets: 0,
      },
      24: {
        refused:
          'client writes hello, server writes hello protected, client secureConnect, client writes protected, server stream close, server tlsClientError ECONNRESET (later)',
        reason: 'UNABLE_TO_GET_ISSUER_CERT',
      },
    }),
    'resumed with mutual: a ticket of a server that did not ask, from a client that has no certificate':
      since({
        20: {
          reused: [true, true],
          authorized: [true, true],
          peers: [null, null],
          x509: [null, null],
          alpn: 'udprpc/1',
          areKeysEqual: true,
          areKeysOfFirst: false,
          newTickets: 0,
        },
        24: {
          refused:
            'client writes hello, server writes hello protected, client secureConnect, client writes protected, server stream close, server tlsClientError ECONNRESET (later)',
          reason: 'UNABLE_TO_GET_ISSUER_CERT',
        },
      }),
    'resumed with mutual: a ticket, after the server has ceased to trust the authority of the client': {
      reused: [true, true],
      authorized: [true, true],
      peers: [null, 'client'],
      x509: [null, 'CN=client'],
      alpn: 'udprpc/1',
      areKeysEqual: true,
      areKeysOfFirst: false,
      newTickets: 0,
    },
    'getSession in secureConnect, before a ticket has come, resumes nothing': {
      hasSession: true,
      isReused: false,
    },
    'setSecureContext: new handshakes get the new certificate, one that has begun the old one, old ones go on':
      {
        old: 'server',
        exporter: true,
        afterwards: 'server writes protected',
        'client’s hello read before': 'server',
        'client’s hello read after': 'server',
        fresh: 'renewed server',
      },
    'setSecureContext with a certificate that does not fit its key throws and changes nothing': {
      thrown: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
      certificate: 'server',
    },
    'a client that is destroyed on secureConnect, in the event': {
      isServerSecure: false,
      tickets: 0,
      story: 'client writes hello, client secureConnect, client stream close, client close',
    },
    'a client that is destroyed on secureConnect, by process.nextTick': {
      isServerSecure: true,
      tickets: 0,
      story:
        'client writes hello, client secureConnect, client writes protected, client stream close, client close',
    },
    'a client that is destroyed on secureConnect, by setImmediate': {
      isServerSecure: true,
      tickets: 0,
      story:
        'client writes hello, client secureConnect, client writes protected, client stream close, client close',
    },
    'a client that is destroyed on secureConnect, after a write has left': {
      isServerSecure: true,
      tickets: 0,
      story:
        'client writes hello, client secureConnect, client writes protected, client stream close, client close',
    },
    'a client that is ended in secureConnect':
      'client writes hello, server writes hello protected, client secureConnect, client writes protected protected-alert, server secureConnection, server writes protected, client session, client session, server socket end, server writes protected-alert, server stream close, server socket close, client end, client stream close, client close',
    'a server’s socket that is destroyed on secureConnection, in the event': {
      tickets: 0,
      story:
        'server writes hello protected, server secureConnection, server stream close, server socket close',
    },
    'a server’s socket that is destroyed on secureConnection, by process.nextTick': {
      tickets: 2,
      story:
        'server writes hello protected, server secureConnection, server writes protected, server stream close, server socket close',
    },
    'a server’s socket that is destroyed on secureConnection, by setImmediate': {
      tickets: 2,
      story:
        'server writes hello protected, server secureConnection, server writes protected, server stream close, server socket close',
    },
    'a server’s socket that is destroyed on secureConnection, after a write has left': {
      tickets: 2,
      story:
        'server writes hello protected, server secureConnection, server writes protected, server stream close, server socket close',
    },
    'a client with a long flight that is destroyed after a write has left': {
      isServerSecure: false,
      tickets: 0,
      story:
        'client writes hello, server writes hello protected, client secureConnect, client writes a part, client stream close, client close',
    },
    'a client with a long flight that is destroyed when a write of its own is called back': {
      isServerSecure: true,
      tickets: 0,
      story:
        'client writes hello, server writes hello protected, client secureConnect, client writes a part, client writes protected, client stream close, client close, server secureConnection, server writes a part, server writes protected',
    },
    'a server with long tickets that is destroyed after a write has left': {
      isServerSecure: true,
      tickets: 0,
      story:
        'client writes hello, server writes hello protected, client secureConnect, client writes a part, client writes protected, server secureConnection, server writes a part, server stream close, server socket close',
    },
    'the stream under the client’s TLS is destroyed during the handshake':
      'client stream close, client close',
    'the stream under the client’s TLS is destroyed with an error during the handshake':
      'client stream error, client error Error: broken (later), client stream close, client close',
    'the stream under the client’s TLS ends during the handshake':
      'client end, client stream close, client error ECONNRESET (later), client close',
    'the stream under the client’s TLS refuses a write during the handshake':
      'client secureConnect, client stream error, client error Error: full (later), client stream close, client close, client error EPIPE (later)',
    'the stream under the client’s TLS brings garbage during the handshake':
      'client error ERR_SSL_WRONG_VERSION_NUMBER (later), client stream close, client close',
    'the stream under the client’s TLS is destroyed after it': 'client stream close, client close',
    'the stream under the client’s TLS is destroyed with an error after it':
      'client stream error, client error Error: broken (later), client stream close, client close',
    'the stream under the client’s TLS ends after it':
      'client end, client stream error, client error ERR_STREAM_WRITE_AFTER_END (later), client stream close, client close',
    'the stream under the client’s TLS refuses a write after it':
      'client stream error, client error Error: full (later), client stream close, client close, client error EPIPE (later)',
    'the stream under the client’s TLS brings garbage after it': since({
      20: 'client writes protected-alert, client error ERR_SSL_WRONG_VERSION_NUMBER',
      22: 'client writes protected-alert, client error ERR_SSL_BAD_RECORD_TYPE',
    }),
    'the stream under the server’s TLS is destroyed during the handshake':
      'server stream close, server tlsClientError ECONNRESET (later)',
    'the stream under the server’s TLS is destroyed with an error during the handshake':
      'server stream error, server tlsClientError Error: broken (later), server stream close',
    'the stream under the server’s TLS ends during the handshake':
      'server stream close, server tlsClientError ECONNRESET (later)',
    'the stream under the server’s TLS refuses a write during the handshake':
      'server stream error, server tlsClientError Error: full (later), server stream close',
    'the stream under the server’s TLS brings garbage during the handshake':
      'server tlsClientError ERR_SSL_WRONG_VERSION_NUMBER (later), server stream close',
    'the stream under the server’s TLS is destroyed after it': 'server stream close, server socket close',
    'the stream under the server’s TLS is destroyed with an error after it':
      'server stream error, server socket error Error: broken, server stream close, server socket close',
    'the stream under the server’s TLS ends after it':
      'server socket end, server stream error, server socket error ERR_STREAM_WRITE_AFTER_END, server stream close, server socket close',
    'the stream under the server’s TLS refuses a write after it':
      'server stream error, server socket error Error: full, server stream close, server socket close, server socket error EPIPE',
    'the stream under the server’s TLS brings garbage after it': since({
      20: 'server writes protected-alert, server socket error ERR_SSL_WRONG_VERSION_NUMBER',
      22: 'server writes protected-alert, server socket error ERR_SSL_BAD_RECORD_TYPE',
    }),
    'a client that is destroyed writes nothing and errs not, whatever comes later':
      'server writes protected, client stream close, client close',
  };
}
