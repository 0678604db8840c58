import fc from 'fast-check';
import {
  formatAddress,
  isLoopback,
  isUnspecified,
  parseListenAddress,
  parseTarget,
  TargetError,
} from '../../../src/driver/target.js';

describe('parseTarget', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', 5005, false],
    ['127.0.0.1:80', '127.0.0.1', 80, false],
    ['127.9.9.9:80', '127.9.9.9', 80, false],
    ['localhost', 'localhost', 5005, false],
    ['LocalHost:1', 'localhost', 1, false],
    ['localhost.:1', 'localhost', 1, false],
    ['[::1]', '::1', 5005, false],
    ['[0:0:0:0:0:0:0:1]:7', '::1', 7, false],
    ['[::ffff:127.0.0.1]:7', '::ffff:7f00:1', 7, false],
    ['udp://[::1]:65535', '::1', 65_535, false],
    ['udps://localhost', 'localhost', 5005, true],
    ['cam.example', 'cam.example', 5005, true],
    ['10.0.0.5:7000', '10.0.0.5', 7000, true],
    ['[2001:DB8::0:1]', '2001:db8::1', 5005, true],
    ['udps://my_host-1.example:9', 'my_host-1.example', 9, true],
    ['bücher.example', 'xn--bcher-kva.example', 5005, true],
    ['udps://[fe80::1%eth0]:9', 'fe80::1%eth0', 9, true],
    // A name that only begins like localhost is somebody's domain.
    ['localhost.example', 'localhost.example', 5005, true],
  ])('%s', (text, host, port, isSecure) => {
    expect(parseTarget(text)).toEqual({ text, host, port, isSecure });
  });

  test.each(['udp://cam.example', 'udp://10.0.0.5:7000', 'udp://[2001:db8::1]', 'udp://127.example'])(
    '%s is plaintext beyond this machine: only with insecure: true',
    (text) => {
      expect(() => parseTarget(text)).toThrow(/not encrypted.*use udps:\/\/.*insecure: true \(--insecure\)/);
      expect(parseTarget(text, { insecure: true }).isSecure).toBe(false);
    },
  );

  test('insecure does not take TLS away from a bare target', () => {
    expect(parseTarget('cam.example', { insecure: true }).isSecure).toBe(true);
  });

  test('the message names what to write instead', () => {
    expect(() => parseTarget('udp://[2001:db8::1]:9')).toThrow('use udps://[2001:db8::1]:9,');
  });

  test.each([
    ['', 'it names no host'],
    ['udp://', 'it names no host'],
    [':5005', 'it names no host'],
    ['http://x', 'the scheme is udp:// or udps://, not http://'],
    ['UDP://x', 'not UDP://'],
    ['::1', 'an IPv6 address stands in brackets, as in [::1]:5005'],
    ['::1:5005', 'brackets'],
    ['[::1', 'after [ it takes an IPv6 address, ] and perhaps :port'],
    ['[::1]5005', 'after ['],
    ['[127.0.0.1]', '"127.0.0.1" is not an IPv6 address'],
    ['localhost:', '"" is not a port (0 to 65535)'],
    ['localhost:65536', '"65536" is not a port'],
    ['localhost:-1', '"-1" is not a port'],
    ['localhost:5e3', '"5e3" is not a port'],
    ['localhost:000080', '"000080" is not a port'],
    ['localhost:0', 'port 0 is no port to connect to'],
    ['udp://localhost:1/x', '"/" does not belong'],
    ['user@host', '"@" does not belong'],
    ['a host', '" " does not belong'],
    ['host\n', String.raw`"\n" does not belong`],
    ['127.1', 'neither a host name nor an IP address'],
    ['2130706433', 'neither'],
    ['0x7f.1', 'neither'],
    ['256.1.1.1', 'neither'],
    ['cam.0x1', 'neither'],
    ['-x.example', 'neither'],
    ['a..b', 'neither'],
    ['x'.repeat(64), 'neither'],
    ['０.０.０.０', 'neither'],
    ['0.0.0.0:5005', 'means every address of a server'],
    ['[::]:5005', 'means every address of a server'],
    ['[0::0]:5005', 'means every address of a server'],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parseTarget(text)).toThrow(TargetError);
    expect(() => parseTarget(text)).toThrow(reason);
    expect(() => parseTarget(text)).toThrow(/^invalid target "/);
  });

  test('of any text it makes a target or a TargetError, and never plaintext to elsewhere', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.ipV6(), fc.ipV4(), fc.domain()), (text) => {
        try {
          const target = parseTarget(text);
          expect(target.isSecure || target.host === 'localhost' || isLoopback(target.host)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(TargetError);
        }
      }),
    );
  });

  test('reads back what formatAddress writes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }), (ip, port) => {
        fc.pre(!isUnspecified(ip));
        const target = parseTarget(`udps://${formatAddress(ip, port)}`);
        expect(parseTarget(`udps://${formatAddress(target.host, target.port)}`)).toMatchObject({
          host: target.host,
          port,
        });
      }),
    );
  });
});

describe('parseListenAddress', () => {
  test.each([
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['0.0.0.0', '0.0.0.0', 5005],
    ['[::]:7', '::', 7],
    ['udp://localhost:0', 'localhost', 0],
  ])('%s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ text, host, port });
  });

  test('a scheme must be what the server speaks', () => {
    expect(parseListenAddress('udps://0.0.0.0', true)).toMatchObject({ host: '0.0.0.0' });
    expect(parseListenAddress('0.0.0.0', true)).toMatchObject({ host: '0.0.0.0' });
    expect(() => parseListenAddress('udps://0.0.0.0')).toThrow('createServer({ tls })');
    expect(() => parseListenAddress('udp://0.0.0.0', true)).toThrow('speaks TLS only: use udps://');
    expect(() => parseListenAddress('host:x')).toThrow(/^invalid address "host:x"/);
  });
});

test('isLoopback is about addresses, in any spelling', () => {
  for (const ip of ['127.0.0.1', '127.255.255.254', '::1', '0::1', '::ffff:127.0.0.1', '::FFFF:7f01:1']) {
    expect([ip, isLoopback(ip)]).toEqual([ip, true]);
  }
  for (const ip of [
    '128.0.0.1',
    '12.7.0.1',
    '::2',
    '::',
    'localhost',
    '',
    '::ffff:128.0.0.1',
    '::ffff:112.1.1.1',
    '::127.0.0.1',
    'fe80::1%lo',
  ]) {
    expect([ip, isLoopback(ip)]).toEqual([ip, false]);
  }
});
