/** Attributes by the semantic conventions for RPC of OpenTelemetry (1.45). */
import { type Attributes } from '@opentelemetry/api';
import { Status } from '../index.js';

/** `path`: `/package.Service/Method`; undefined: one that the server does not have. Strangers choose those, and each would be a series. */
export function methodAttributes(path: string | undefined): Attributes {
  return { 'rpc.system.name': 'udprpc', 'rpc.method': path === undefined ? '_OTHER' : path.slice(1) };
}

/** `isError`: for who counts errors. */
export function statusAttributes(code: Status, isError: boolean): Attributes {
  const name = Status[code];
  return isError
    ? { 'rpc.response.status_code': name, 'error.type': name }
    : { 'rpc.response.status_code': name };
}

/** Of a channel's target, as its user wrote it: the host, and the port where one is given. */
export function serverAttributes(target: string): Attributes {
  const [, host = target, port] = /^(?:[a-z+]+:\/{2,3})?(.*?)(?::(\d{1,5}))?$/.exec(target) ?? [];
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return port === undefined
    ? { 'server.address': address }
    : { 'server.address': address, 'server.port': Number(port) };
}
