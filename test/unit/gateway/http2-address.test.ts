import { TargetError } from '../../../src/driver/target.js';
import { parseHttp2Listen, parseHttp2Target } from '../../../src/gateway/http2-address.js';

test.each([
  ['127.0.0.1:50051', { isSecure: false, host: '127.0.0.1', port: 50_051 }],
  ['http://localhost:0', { isSecure: false, host: 'localhost', port: 0 }],
  ['http://127.0.0.1:80/', { isSecure: false, host: '127.0.0.1', port: 80 }],
  ['[::1]:50051', { isSecure: false, host: '::1', port: 50_051 }],
])('%s is an address to listen on', (text, address) => {
  expect(parseHttp2Listen(text, false, false)).toEqual(address);
});

test('with a certificate any address is, also by its scheme', () => {
  const address = { isSecure: true, host: '0.0.0.0', port: 443 };
  expect(parseHttp2Listen('0.0.0.0:443', true, false)).toEqual(address);
  expect(parseHttp2Listen('https://0.0.0.0:443', true, false)).toEqual(address);
});

test.each([
  ['0.0.0.0:50051', false, 'is open to other machines and not encrypted: give a certificate'],
  ['cams.example:50051', false, 'is open to other machines'],
  ['https://127.0.0.1:50051', false, 'https:// takes a certificate: tls (--cert and --key)'],
  ['http://127.0.0.1:50051', true, 'speaks TLS only: use https://'],
  ['udp://127.0.0.1:50051', false, 'it takes [http://|https://]host:port'],
  ['127.0.0.1', false, 'it takes [http://|https://]host:port'],
  ['127.0.0.1:70000', false, 'it takes [http://|https://]host:port'],
  ['http://127.0.0.1:1/path', false, 'it takes [http://|https://]host:port'],
  ['http://me@127.0.0.1:1', false, 'it takes [http://|https://]host:port'],
  ['', false, 'it takes [http://|https://]host:port'],
])('%j (TLS: %s) cannot be listened on, in one line', (text, isSecure, reason) => {
  expect(() => parseHttp2Listen(text, isSecure, false)).toThrow(TargetError);
  expect(() => parseHttp2Listen(text, isSecure, false)).toThrow(reason);
});

test('whoever wants it so listens in the open', () => {
  expect(parseHttp2Listen('0.0.0.0:50051', false, true).host).toBe('0.0.0.0');
});

test.each([
  ['http://127.0.0.1:50051', { isSecure: false, host: '127.0.0.1', port: 50_051 }],
  ['http://[::1]:50051', { isSecure: false, host: '::1', port: 50_051 }],
  ['https://cams.example:443', { isSecure: true, host: 'cams.example', port: 443 }],
])('%s is a gRPC server', (text, address) => {
  expect(parseHttp2Target(text, false)).toEqual(address);
});

test.each([
  ['127.0.0.1:50051', 'a gRPC server is http://host:port, or https://host:port with TLS'],
  ['udp://127.0.0.1:5005', 'a gRPC server is http://host:port'],
  ['http://127.0.0.1:0', 'port 0 is no port to connect to'],
  ['http://127.0.0.1', 'it takes [http://|https://]host:port'],
  ['http://cams.example:50051', 'leaves this machine: use https://cams.example:50051, or pass insecure'],
])('%s is none, in one line', (text, reason) => {
  expect(() => parseHttp2Target(text, false)).toThrow(TargetError);
  expect(() => parseHttp2Target(text, false)).toThrow(reason);
});

test('whoever wants it so calls in the open', () => {
  expect(parseHttp2Target('http://cams.example:50051', true).host).toBe('cams.example');
});
