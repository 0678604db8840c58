import { parseDnsTarget, serverSource, type ServerSourceOptions } from '../../../src/driver/server-source.js';
import { TargetError } from '../../../src/driver/target.js';

const RESOLVER = { watch: () => ({ stop: () => undefined }) };

describe('dns:///', () => {
  test.each([
    ['dns:///shop.test:7000', { isSecure: true, host: 'shop.test', port: 7000 }],
    ['dns:///shop.test', { isSecure: true, host: 'shop.test', port: 5005 }],
    ['dns:///localhost:7000', { isSecure: false, host: 'localhost', port: 7000 }],
    ['dns+udps:///localhost', { isSecure: true, host: 'localhost', port: 5005 }],
    ['dns+udp:///shop.test', { isSecure: false, host: 'shop.test', port: 5005 }],
    ['dns:///_shop._udp.test', { isSecure: true, host: '_shop._udp.test', port: undefined }],
  ])('%s', (text, expected) => {
    expect(parseDnsTarget(text, { insecure: true })).toEqual({ text, ...expected });
  });

  test.each([
    ['dns://8.8.8.8/shop.test', 'it takes dns:///name:port, dns+udp:///name:port or dns+udps:///name:port'],
    ['dns+tcp:///shop.test', 'it takes dns:///name:port, dns+udp:///name:port or dns+udps:///name:port'],
    ['dns:///', 'it names no host'],
    ['dns:///shop.test:70000', '"70000" is not a port (0 to 65535)'],
    ['dns:///_shop._udp.test:7000', 'the ports of _shop._udp.test are in its SRV records'],
  ])('%s is refused in one line', (text, reason) => {
    expect(() => parseDnsTarget(text)).toThrow(new TargetError(`invalid target "${text}": ${reason}`));
  });

  test('plaintext has to be asked for', () => {
    expect(() => parseDnsTarget('dns+udp:///shop.test')).toThrow(
      'dns+udp:///shop.test is not encrypted and may leave this machine: use dns+udps:///shop.test, or pass insecure: true (--insecure)',
    );
  });
});

describe('where the servers are', () => {
  test('one target is one server, unless its scheme is dns', () => {
    expect(serverSource('udp://127.0.0.1:5005', {})).toBeUndefined();
    expect(serverSource('dns.example.org:5005', {})).toBeUndefined();
    expect(serverSource('dns:///localhost', {})?.target).toBe('dns:///localhost');
  });

  test('a list is told as it is written, and each target in its short form', async () => {
    const source = serverSource(['127.0.0.1:5005', 'udp://[0:0::1]:7000'], {});
    const servers = await new Promise((resolve) => {
      source?.resolver.watch({ onServers: resolve, onError: resolve });
    });
    expect(servers).toEqual([{ address: '127.0.0.1:5005' }, { address: '[::1]:7000' }]);
    expect(source?.target).toBe('127.0.0.1:5005,udp://[0:0::1]:7000');
  });

  test.each<[string | readonly string[], ServerSourceOptions, string]>([
    [[], {}, 'the list of targets is empty: name one server at least'],
    [
      ['udp://127.0.0.1', 'udps://127.0.0.2'],
      {},
      'udp://127.0.0.1 and udps://127.0.0.2 are not both encrypted: give all targets the same scheme',
    ],
    [
      ['127.0.0.1'],
      { resolver: RESOLVER },
      'a resolver says where the servers are: give one target, not a list',
    ],
    ['udp://127.0.0.1', { dns: {} }, 'dns is for targets like dns:///name:port, not for udp://127.0.0.1'],
    [undefined as unknown as string, {}, 'the target is undefined: it takes a string or a list of them'],
  ])('%j with %j is refused', (target, options, message) => {
    expect(() => serverSource(target, options)).toThrow(new TargetError(message));
  });

  test('what is wrong with an option is said at once', () => {
    expect(() => serverSource('dns:///localhost', { dns: { servers: ['nonsense'] } })).toThrow(
      /^dns\.servers: /,
    );
    expect(() => serverSource('dns:///localhost', { dns: { refreshMs: 1 } })).toThrow(
      'dns.refreshMs is 1: it takes a number of ms, from 1000 to 2147483647',
    );
    expect(() => serverSource(['127.0.0.1'], { tls: {} })).toThrow(TargetError);
    expect(() => serverSource(['udps://127.0.0.1'], { tls: { cert: 'x' } })).toThrow(
      /cert and key belong together/,
    );
  });

  test('a server that a resolver names beyond this machine needs TLS too, or insecure', () => {
    const source = serverSource('udp://127.0.0.1', { resolver: RESOLVER });
    expect(() => source?.connectorTo({ address: '10.0.0.1:5005' })).toThrow(
      /is not encrypted and leaves this machine/,
    );
  });
});
