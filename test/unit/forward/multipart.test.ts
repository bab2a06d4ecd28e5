import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldFinder, formBoundary, type FieldSearch } from '../../../src/forward/multipart.ts';

describe('the boundary of a form', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;charset=utf-8; Boundary="a b:c"', 'a b:c'],
    ['multipart/form-data; boundary=----WebKitFormBoundary7MA4; x=y', '----WebKitFormBoundary7MA4'],
  ])('of %s', (type, boundary) => {
    expect(formBoundary(type)).toBe(boundary);
  });

  it.each([undefined, '', 'application/json', 'multipart/mixed; boundary=x', 'multipart/form-data'])(
    'is not in %s',
    (type) => {
      expect(formBoundary(type)).toBeUndefined();
    },
  );
});

const part = (head: string, value: string): string => `--B\r\n${head}\r\n\r\n${value}\r\n`;
const field = (name: string, value: string): string => part(`Content-Disposition: form-data; name="${name}"`, value);
const file = (content: string): string =>
  part('content-disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav', content);
const END = '--B--\r\n';

/** Hands the form over in pieces of a size. */
const search = (text: string, size = text.length): FieldSearch & { readonly value?: string } => {
  const form = Buffer.from(text);
  const finder = new FieldFinder('B', 'model');
  for (let length = Math.min(size, form.length); ; length = Math.min(length + size, form.length)) {
    const found = finder.look(form.subarray(0, length));
    if (found.kind === 'found') return { ...found, value: form.toString('utf8', found.span.start, found.span.end) };
    if (found.kind !== 'more' || length === form.length) return found;
  }
};

describe('the field of a form', () => {
  it.each([
    ['alone', field('model', 'whisper:base') + END, 'whisper:base'],
    ['before the file', field('model', 'm') + file('RIFF') + END, 'm'],
    ['after the file', file('RIFF\r\n--BB\r\n--\r\n') + field('model', 'm') + END, 'm'],
    ['the first of two', field('model', 'one') + field('model', 'two') + END, 'one'],
    ['empty', field('model', '') + END, ''],
    ['with lines', field('prompt', 'a\r\nb') + field('model', 'x\r\ny') + END, 'x\r\ny'],
    ['after a preamble', `to whom it may concern\r\n${field('model', 'm')}${END}`, 'm'],
    ['by a name without quotes', part('Content-Disposition: form-data; name=model', 'm') + END, 'm'],
    [
      'and not a file of that name',
      part('Content-Disposition: form-data; name="model"; filename="m"', 'no') + field('model', 'm') + END,
      'm',
    ],
    ['before the form has ended', `${field('model', 'm')}--B\r\n`, 'm'],
  ])('is found %s, however the bytes are cut', (_where, form, value) => {
    for (const size of [1, 2, 3, 7, 1000]) expect(search(form, size)).toMatchObject({ kind: 'found', value });
  });

  it('is waited for while it may still come', () => {
    for (const form of ['', '--', '--B', '--B\r\nContent-Dis', field('model', 'm').slice(0, -1), file('x')]) {
      expect(search(form)).toEqual({ kind: 'more' });
    }
  });

  it.each([
    ['an ended form', field('language', 'en') + END],
    ['an empty form', END],
    ['a head without an end', `--B\r\n${'x'.repeat(20_000)}`],
  ])('is absent from %s', (_what, form) => {
    expect(search(form, 5_000)).toEqual({ kind: 'absent' });
  });

  it('is given up after a megabyte of fields, but not of files', () => {
    const long = 'x'.repeat(1_100_000);
    expect(search(field('prompt', long) + field('model', 'm') + END, 64 * 1024)).toEqual({ kind: 'too-large' });
    expect(search(long, 64 * 1024)).toEqual({ kind: 'too-large' });
    expect(search(file(long) + field('model', 'm') + END, 64 * 1024)).toMatchObject({ kind: 'found', value: 'm' });
  });

  it('is found whatever stands in the other parts', () => {
    const text = fc.string({ unit: fc.constantFrom('-', 'B', '\r', '\n', 'a', '"', '\r\n--B', ' ') });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (content, size) => {
        // A part that holds a delimiter of its own is two parts.
        fc.pre(!/(^|\r\n)--B([-\s]|$)/.test(content));
        expect(search(file(content) + field('model', 'm') + END, size)).toMatchObject({ kind: 'found', value: 'm' });
      }),
    );
  });
});
