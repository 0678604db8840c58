import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type protobuf from 'protobufjs';
import { jsonMethod, messageOfJson } from '../../../src/dynamic/json-codec.js';
import { Schema } from '../../../src/dynamic/schema.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const PROTO = `
syntax = "proto3";
package j;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
service S { rpc Do(All) returns (All) { option idempotency_level = IDEMPOTENT; } }
enum Size { SMALL = 0; LARGE = 1; }
message Inner { string first_name = 1; Inner again = 2; }
message All {
  int64 big = 1; uint64 bigger = 2; bytes data = 3; Size size = 4; double real = 5; bool flag = 6;
  google.protobuf.Timestamp at = 7; google.protobuf.Duration wait = 8; google.protobuf.Int64Value maybe = 9;
  google.protobuf.Value any = 10; Inner inner = 11; repeated Inner many = 12; map<string, Inner> by = 13;
}
`;

let method: protobuf.Method;

beforeAll(async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'j.proto'), PROTO);
  const schema = await Schema.fromFiles(['j.proto'], { includeDirs: [directory] });
  method = schema.method(schema.service('j.S'), 'Do');
});

function typeOfRequest(): protobuf.Type {
  if (method.resolvedRequestType === null) throw new Error('it has no request');
  return method.resolvedRequestType;
}

function thereAndBack(text: string): unknown {
  const { requestType, responseType } = jsonMethod(method);
  return responseType.decode(requestType.encode(messageOfJson(typeOfRequest(), text) as never).finish());
}

test.each([
  ['{}', {}],
  [
    '{"big":"-9223372036854775808","bigger":18446744073709551615}',
    { big: '-9223372036854775808', bigger: '18446744073709551615' },
  ],
  [
    '{"big": 9007199254740993, "real": 1.2345678901234567}',
    { big: '9007199254740993', real: 1.2345678901234567 },
  ],
  ['{"data":"/w==","size":"LARGE","flag":true}', { data: '/w==', size: 'LARGE', flag: true }],
  ['{"size":1}', { size: 'LARGE' }],
  ['{"size":7}', { size: 7 }],
  ['{"real":"NaN"}', { real: 'NaN' }],
  ['{"at":"2026-01-02T03:04:05.006Z","wait":"1.500s"}', { at: '2026-01-02T03:04:05.006Z', wait: '1.500s' }],
  ['{"maybe":"0"}', { maybe: '0' }],
  ['{"any":{"x":[1,null,"9007199254740993 "]}}', { any: { x: [1, null, '9007199254740993 '] } }],
  ['{"inner":{"first_name":"a"}}', { inner: { firstName: 'a' } }],
  ['{"many":[{"firstName":"a"},{}],"by":{"k":{}}}', { many: [{ firstName: 'a' }, {}], by: { k: {} } }],
])('%s', (text, value) => {
  expect(thereAndBack(text)).toEqual(value);
});

test.each([
  ['{"flg":true}', 'j.All has no field "flg": did you mean flag?'],
  ['{"inner":{"again":{"colour":"a"}}}', 'j.Inner has no field "colour". It has first_name, again'],
  ['{"many":[{},{"frist_name":1}]}', 'j.Inner has no field "frist_name": did you mean first_name?'],
  ['{"by":{"k":{"x":1}}}', 'j.Inner has no field "x". It has first_name, again'],
  ['{"__proto__":{}}', /^j\.All has no field "__proto__"/],
  ['{"constructor":{}}', /^j\.All has no field "constructor"/],
  ['{"big":"x"}', /^j\.All\.big: invalid integer: "x"/],
  ['{"size":"HUGE"}', 'j.Size has no value "HUGE". It has SMALL, LARGE'],
  ['{"size":"large"}', 'j.Size has no value "large": did you mean LARGE?'],
  ['{"flag":true,"flag":false}', 'duplicate key in JSON object: "flag"'],
  ['{"flag":true,}', 'this is not JSON: {"flag":true,} ('],
  ['[]', /^j\.All: expected object/],
])('%s: %s', (text, message) => {
  expect(() => messageOfJson(typeOfRequest(), text)).toThrow(message);
});

test('a string of ten million letters, and objects ten thousand deep', () => {
  const data = 'AAAA'.repeat(2_500_000);
  expect(thereAndBack(`{"data":"${data}"}`)).toEqual({ data });
  const deep = `${'{"again":'.repeat(10_000)}{}${'}'.repeat(10_000)}`;
  expect(() => messageOfJson(typeOfRequest(), `{"inner":${deep}}`)).toThrow('max depth exceeded');
});

test('says of a method what the .proto says', () => {
  expect(jsonMethod(method)).toMatchObject({
    name: 'Do',
    requestStream: false,
    responseStream: false,
    options: { idempotencyLevel: 'IDEMPOTENT' },
  });
});
