import { networkInterfaces } from 'node:os';
import { type Interfaces, localAddresses } from '../../../src/driver/local-addresses.js';

const entry = (address: string, internal = false) =>
  ({
    address,
    internal,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    netmask: '',
    mac: '',
    cidr: null,
    scopeid: 0,
  }) as const;

const INTERFACES: Interfaces = {
  eth0: [entry('192.0.2.2'), entry('2001:db8::2'), entry('fe80::fc'), entry('febf::1'), entry('fec0::1')],
  lo: [entry('127.0.0.1', true), entry('::1', true)],
  eth1: [entry('192.0.2.2'), entry('fe80::fc')],
  gone: undefined,
};

describe('localAddresses', () => {
  test('0.0.0.0 stands for the IPv4 addresses, loopback first, each once', () => {
    expect(localAddresses('0.0.0.0', INTERFACES)).toEqual(['127.0.0.1', '192.0.2.2']);
  });

  test(':: stands for those of both families; those of one link carry its name', () => {
    expect(localAddresses('::', INTERFACES)).toEqual([
      '127.0.0.1',
      '::1',
      '192.0.2.2',
      '2001:db8::2',
      'fe80::fc%eth0',
      'febf::1%eth0',
      'fec0::1',
      'fe80::fc%eth1',
    ]);
  });

  test('finds the loopback address of this machine', () => {
    expect(localAddresses('0.0.0.0')).toContain('127.0.0.1');
    expect(localAddresses('0.0.0.0', networkInterfaces())).toEqual(localAddresses('0.0.0.0'));
  });
});
