import { parseClientName, parseSubjectNames } from '../../../src/certificates/subject-names.js';

const textsOf = (...names: string[]): string[] => parseSubjectNames(names).map(({ text }) => text);

test('without names a certificate is for this machine', () => {
  expect(parseSubjectNames([])).toEqual([
    { kind: 'dns', text: 'localhost' },
    { kind: 'ip', text: '127.0.0.1' },
    { kind: 'ip', text: '::1' },
  ]);
});

test.each([
  ['Cam.Example.', 'cam.example'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['*.cams.example', '*.cams.example'],
  ['a_b', 'a_b'],
  ['10.1.1.1', '10.1.1.1'],
  ['[::1]', '::1'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['::ffff:10.1.1.1', '::ffff:a01:101'],
])('%s stands in a certificate as %s', (text, canonical) => {
  expect(textsOf(text)).toEqual([canonical]);
});

test('each name stands in it once', () => {
  expect(textsOf('a.example', '::1', 'A.example', '[0:0::1]')).toEqual(['a.example', '::1']);
});

test.each([
  ['udps://cam.example', 'give the host of the URL alone'],
  ['cam.example:5005', 'leave out the port: a certificate is for all of them'],
  ['[::1]:5005', 'leave out the port: a certificate is for all of them'],
  ['fe80::1%eth0', 'a certificate knows no zones: leave out what follows %'],
  ['*.example', 'clients heed a wildcard only before two labels, as in *.cams.example'],
  ['*', 'it is neither a DNS name nor an IP address'],
  ['a.*.example', 'it is neither a DNS name nor an IP address'],
  ['', 'it is neither a DNS name nor an IP address'],
  ['127.1', 'it is neither a DNS name nor an IP address'],
  ['a b', 'it is neither a DNS name nor an IP address'],
  ['a,DNS:b', 'it is neither a DNS name nor an IP address'],
  ['\u001b[2J', 'it is neither a DNS name nor an IP address'],
  [`${'a'.repeat(64)}.example`, 'it is neither a DNS name nor an IP address'],
])('%j is refused, and why', (text, reason) => {
  expect(() => parseSubjectNames([text])).toThrow(`no certificate for ${JSON.stringify(text)}: ${reason}`);
});

test.each(['alice', 'Alice-2', 'alice@cams.example', 'x'.repeat(63)])('a client may be called %s', (name) => {
  expect(parseClientName(name)).toBe(name);
});

test.each(['', '.alice', '-alice', '../alice', 'a/b', 'a,b', 'a=b', 'é', 'a\nb', 'x'.repeat(64)])(
  'no client is called %j',
  (name) => {
    expect(() => parseClientName(name)).toThrow(
      `no client ${JSON.stringify(name)}: a name has 1 to 63 letters`,
    );
  },
);

test('no client takes the files of the authority', () => {
  for (const name of ['ca', 'CA']) {
    expect(() => parseClientName(name)).toThrow('ca-key.pem is the key of the authority');
  }
});
