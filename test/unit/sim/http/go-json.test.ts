import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGoDuration } from '../../../../src/core/go-duration.ts';
import { readKeepAlive } from '../../../../src/sim/http/go-duration.ts';
import { readFields } from '../../../../src/sim/http/go-fields.ts';
import { decodeGoJson, goJson } from '../../../../src/sim/http/go-json.ts';

const decode = (text: string) => decodeGoJson(Buffer.from(text));
const errorOf = (text: string): string => {
  const decoded = decode(text);
  return decoded.ok ? 'no error' : decoded.error;
};

describe('decoding a body', () => {
  it('gives the value of every valid JSON text', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '}', ' {"more":1}', 'junk'), (text, rest) => {
        const scalar = /^[-\d]/.test(text);
        expect(decode(text + (scalar ? ` ${rest}` : rest))).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it('never takes a text that is no JSON', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const decoded = decode(text);
        if (decoded.ok) expect(() => JSON.stringify(decoded.value)).not.toThrow();
        else expect(decoded.error).toMatch(/^(?:EOF|unexpected EOF|invalid character .*)$/s);
      }),
    );
  });

  it.each([
    ['', 'EOF'],
    [' \n', 'EOF'],
    ['{"a": [', 'unexpected EOF'],
    ['{"a"', 'unexpected EOF'],
    ['"abc', 'unexpected EOF'],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{a: 1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a": 1 "b": 2}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['tru!', "invalid character '!' in literal true (expecting 'e')"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ])('says of %j what Go says', (text, error) => {
    expect(errorOf(text)).toBe(error);
  });
});

describe('encoding', () => {
  it('escapes what could end a script element, as Go does', () => {
    expect(goJson({ text: '<a href="x">&\u2028' })).toBe('{"text":"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028"}');
  });
});

describe('reading fields', () => {
  const spec = { model: ['model', 'string', 'string'], n: ['n', 'int', 'int'] } as const;

  it('takes keys in any case, the last of duplicates, and null for absent', () => {
    const value = JSON.parse('{"Model":"first","MODEL":"last","n":null,"other":1}') as unknown;
    expect(readFields(value, 'api.X', spec)).toEqual({
      ok: true,
      fields: expect.objectContaining({ model: 'last', other: 1 }),
    });
  });

  it.each([
    [{ model: 5 }, 'json: cannot unmarshal number into Go struct field X.model of type string'],
    [{ model: [] }, 'json: cannot unmarshal array into Go struct field X.model of type string'],
    [{ n: 1.5 }, 'json: cannot unmarshal number 1.5 into Go struct field X.n of type int'],
    [{ n: true }, 'json: cannot unmarshal bool into Go struct field X.n of type int'],
    [[], 'json: cannot unmarshal array into Go value of type api.X'],
    ['x', 'json: cannot unmarshal string into Go value of type api.X'],
  ])('refuses %j in the words of Go', (value, error) => {
    expect(readFields(value, 'api.X', spec)).toEqual({ ok: false, error });
  });
});

describe('keep_alive', () => {
  it.each([
    [undefined, undefined],
    [30, 30_000],
    [0, 0],
    [-1, Number.POSITIVE_INFINITY],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['-1m', Number.POSITIVE_INFINITY],
    ['0', 0],
  ])('reads %j', (value, ms) => {
    expect(readKeepAlive(value)).toEqual({ ok: true, ms });
  });

  it.each([
    ['300', 'time: missing unit in duration "300"'],
    ['soon', 'time: invalid duration "soon"'],
    ['', 'time: invalid duration ""'],
  ])('refuses %j', (value, error) => {
    expect(readKeepAlive(value)).toEqual({ ok: false, error });
  });

  it('knows all units of Go', () => {
    expect(parseGoDuration('1h1m1s1ms1us1ns')).toBeCloseTo(3_661_001.001001, 6);
  });
});
