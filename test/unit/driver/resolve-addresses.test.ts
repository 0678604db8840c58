import fc from 'fast-check';
import { interleaveFamilies, resolveAddresses } from '../../../src/driver/resolve-addresses.js';
import { parseTarget } from '../../../src/driver/target.js';

const always = (ips: readonly string[]) => async () => ips;

describe('interleaveFamilies', () => {
  test('takes turns, beginning with the family that the system prefers', () => {
    expect(interleaveFamilies(['::1', '::2', '::3', '10.0.0.1'])).toEqual(['::1', '10.0.0.1', '::2', '::3']);
    expect(interleaveFamilies(['10.0.0.1', '10.0.0.2', '::1'])).toEqual(['10.0.0.1', '::1', '10.0.0.2']);
    expect(interleaveFamilies(['::1', '::1', '10.0.0.1'])).toEqual(['::1', '10.0.0.1']);
    expect(interleaveFamilies([])).toEqual([]);
  });

  test('loses and invents nothing, and keeps the order within a family', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6())), (ips) => {
        const distinct = [...new Set(ips)];
        const result = interleaveFamilies(ips);
        expect(new Set(result)).toEqual(new Set(distinct));
        expect(result).toHaveLength(distinct.length);
        for (const isV6 of [true, false]) {
          const inFamily = (ip: string): boolean => ip.includes(':') === isV6;
          expect(result.filter(inFamily)).toEqual(distinct.filter(inFamily));
        }
      }),
    );
  });
});

describe('resolveAddresses', () => {
  test('an IP address is looked up nowhere', async () => {
    const never = () => Promise.reject(new Error('looked up'));
    expect(await resolveAddresses(parseTarget('[::1]:7'), false, never)).toEqual([{ ip: '::1', port: 7 }]);
    expect(await resolveAddresses(parseTarget('10.0.0.1'), false, never)).toEqual([
      { ip: '10.0.0.1', port: 5005 },
    ]);
  });

  test('a name gives all its addresses in turns, and no more than 16', async () => {
    const target = parseTarget('cam.example:9');
    expect(await resolveAddresses(target, false, always(['::1', '::2', '10.0.0.1']))).toEqual([
      { ip: '::1', port: 9 },
      { ip: '10.0.0.1', port: 9 },
      { ip: '::2', port: 9 },
    ]);
    const many = Array.from({ length: 50 }, (_, i) => `10.0.0.${i}`);
    expect(await resolveAddresses(target, false, always(many))).toHaveLength(16);
  });

  test('localhost without TLS goes nowhere but to this machine, whatever its name was given', async () => {
    const target = parseTarget('localhost');
    const lookup = always(['203.0.113.1', '127.0.0.1']);
    expect(await resolveAddresses(target, false, lookup)).toEqual([{ ip: '127.0.0.1', port: 5005 }]);
    expect(await resolveAddresses(target, true, lookup)).toHaveLength(2);
    await expect(resolveAddresses(target, false, always(['203.0.113.1']))).rejects.toThrow(
      'localhost is not encrypted and leaves this machine: use udps://203.0.113.1:5005',
    );
  });

  test.each([
    ['ENOTFOUND', 'cam.example is not a known host name (ENOTFOUND)'],
    ['EAI_AGAIN', 'cam.example could not be looked up: no name server answered (EAI_AGAIN)'],
    ['EAI_FAIL', 'cam.example could not be looked up (EAI_FAIL)'],
  ])('%s becomes a line for a person', async (code, line) => {
    const failing = () => Promise.reject(Object.assign(new Error('x'), { code }));
    await expect(resolveAddresses(parseTarget('cam.example'), false, failing)).rejects.toThrow(line);
  });

  test('a name without addresses is an error of its own', async () => {
    await expect(resolveAddresses(parseTarget('cam.example'), false, always([]))).rejects.toThrow(
      'cam.example has no address',
    );
  });
});
