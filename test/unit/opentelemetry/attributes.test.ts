import { Status } from 'nice-grpc-common';
import {
  methodAttributes,
  serverAttributes,
  statusAttributes,
} from '../../../src/opentelemetry/attributes.js';

test.each([
  ['udp://127.0.0.1:5005', '127.0.0.1', 5005],
  ['udps://images.example', 'images.example', undefined],
  ['localhost:7000', 'localhost', 7000],
  ['udps://[fd00::1]:5005', 'fd00::1', 5005],
  ['dns:///shop.example:7000', 'shop.example', 7000],
  ['dns:///_shop._udp.example', '_shop._udp.example', undefined],
])('%s is %s, port %s', (target, address, port) => {
  expect(serverAttributes(target)).toEqual({
    ...{ 'server.address': address },
    ...(port !== undefined && { 'server.port': port }),
  });
});

test('a method is named without its slash, and what no server has is not named at all', () => {
  expect(methodAttributes('/a.B/C')).toEqual({ 'rpc.system.name': 'udprpc', 'rpc.method': 'a.B/C' });
  expect(methodAttributes(undefined)).toEqual({ 'rpc.system.name': 'udprpc', 'rpc.method': '_OTHER' });
});

test('a status is its name, and the type of the error where it is one', () => {
  expect(statusAttributes(Status.NOT_FOUND, false)).toEqual({ 'rpc.response.status_code': 'NOT_FOUND' });
  expect(statusAttributes(Status.INTERNAL, true)).toEqual({
    ...{ 'rpc.response.status_code': 'INTERNAL', 'error.type': 'INTERNAL' },
  });
});
