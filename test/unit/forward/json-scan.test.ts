import { describe, expect, it } from 'vitest';
import { decodeString, itemsOf, JsonSyntaxError, membersOf, scanBody } from '../../../src/forward/json-scan.ts';

const scan = (text: string): ReturnType<typeof scanBody> => scanBody(Buffer.from(text));
const member = (text: string, name: string): string | undefined => {
  const bytes = Buffer.from(text);
  const span = scanBody(bytes).get(name);
  return span && bytes.toString('utf8', span.start, span.end);
};

describe('the members of a body', () => {
  it.each([
    ['{"model":"a"}', '"a"'],
    [' \n{ "MODEL" : "a" } trailing {', '"a"'],
    ['{"model":"a","Model":"b"}', '"b"'],
    ['{"model":"a","model":null}', '"a"'],
    ['{"mode\\u006c":"a"}', '"a"'],
    ['{"x":{"model":"inner"},"model":[1,{"a":2}]}', '[1,{"a":2}]'],
    ['{"model":-1.5e+3}', '-1.5e+3'],
    ['{"x":"\\"model\\":\\\\","model":true}', 'true'],
    ['{"x":1}', undefined],
    ['null', undefined],
    ['{"model":"ä🙂"}', '"ä🙂"'],
  ])('are found as Go finds them: %s', (text, expected) => {
    expect(member(text, 'model')).toBe(expected);
  });

  it('fold the two characters beyond ASCII that Go folds', () => {
    expect([...scan('{"\u017Ftream":1,"\u212Aeep_alive":2}').keys()]).toEqual(['stream', 'keep_alive']);
  });

  it.each([
    ['', 'EOF'],
    ['  \n', 'EOF'],
    ['{', 'unexpected EOF'],
    ['{"model":"a"', 'unexpected EOF'],
    ['{"model":"a', 'unexpected EOF'],
    ['{"model":tru', 'unexpected EOF'],
    ['{"model":1.', 'unexpected EOF'],
    ['<html>', "invalid character '<' looking for beginning of value"],
    ["{'model':1}", String.raw`invalid character '\'' looking for beginning of object key string`],
    ['{"model" "a"}', `invalid character '"' after object key`],
    ['{"model":"a" "b":1}', `invalid character '"' after object key:value pair`],
    ['{"model":"a",}', "invalid character '}' looking for beginning of object key string"],
    ['{"a":[1 2]}', "invalid character '2' after array element"],
    ['{"a":[1,]}', "invalid character ']' looking for beginning of value"],
    ['{"a":01}', "invalid character '1' after object key:value pair"],
    ['{"a":-}', "invalid character '}' in numeric literal"],
    ['{"a":1.}', "invalid character '}' after decimal point in numeric literal"],
    ['{"a":1e}', "invalid character '}' in exponent of numeric literal"],
    ['{"a":nul1}', "invalid character '1' in literal null (expecting 'l')"],
    ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
    ['{"a":"\\u12"}', String.raw`invalid character '"' in \u hexadecimal character escape`],
    ['{"a":"b\nc"}', String.raw`invalid character '\n' in string literal`],
    ['{"a":"\u0001"}', String.raw`invalid character '\x01' in string literal`],
    ['[1]', 'json: cannot unmarshal array into Go value of type api.Request'],
    ['"x"', 'json: cannot unmarshal string into Go value of type api.Request'],
    ['true', 'json: cannot unmarshal bool into Go value of type api.Request'],
  ])('are refused in the words of Go: %j', (text, message) => {
    expect(() => scan(text)).toThrow(new JsonSyntaxError(message));
  });
});

describe('deep nesting', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)},"model":"m"}`;

  it('is accepted to the depth that Go accepts, and refused beyond it', () => {
    expect(member(nested(9_999), 'model')).toBe('"m"');
    expect(() => scan(nested(10_000))).toThrow(new JsonSyntaxError('exceeded max depth'));
    expect(() => scan('['.repeat(5_000_000))).toThrow(JsonSyntaxError);
  });

  it('below the depth that is checked never makes a second look fail', () => {
    for (let depth = 150; depth < 250; depth++) {
      const text = Buffer.from(`{"metadata":{"x":${'['.repeat(depth)}nonsense${']'.repeat(depth)}},"model":"m"}`);
      let span;
      try {
        span = scanBody(text).get('metadata');
      } catch (error) {
        expect(error).toBeInstanceOf(JsonSyntaxError);
        continue;
      }
      if (span === undefined) throw new Error('metadata is there');
      expect([...membersOf(text, span).keys()]).toEqual(['x']);
    }
  });
});

describe('long strings', () => {
  it('of 20 MB are stepped over, with escaped quotes and backslashes in them', () => {
    const image = 'iVBOR\\"w0KGgo\\\\'.repeat(1_400_000);
    const text = Buffer.from(`{"images":["${image}"],"model":"m"}`);
    const members = scanBody(text);
    const images = members.get('images');
    const model = members.get('model');
    if (images === undefined || model === undefined) throw new Error('both are there');
    const [item] = itemsOf(text, images);
    expect(item && item.end - item.start).toBe(image.length + 2);
    expect(decodeString(text, model)).toBe('m');
  });
});
