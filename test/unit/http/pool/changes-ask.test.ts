import { describe, expect, it } from 'vitest';
import { readChange, renamed } from '../../../../src/http/pool/changes-ask.ts';

const NAMES = ['model', 'name'];
const read = (value: unknown, names = NAMES) =>
  readChange(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), names);

describe('what a change asks for', () => {
  it('is told by Go’s rules: keys without case, the old name when the new one is empty', () => {
    expect(read('{"MODEL":" a ","Stream":false}')).toMatchObject({ model: { model: 'a' }, stream: false });
    expect(read({ model: '', name: 'b' })).toMatchObject({ model: { model: 'b' }, stream: true });
    expect(read('{"model":"a","model":null}')).toMatchObject({ model: { model: 'a' } });
  });

  it('is a stream unless the client says no', () => {
    expect([read({}), read({ stream: true }), read({ stream: null })].map(({ stream }) => stream)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('is a copy from one name to another', () => {
    expect(read({ source: 'a', destination: 'b' }, ['source'])).toMatchObject({
      model: { model: 'a' },
      destination: 'b',
    });
  });

  it('is a create from a model, or from files and adapters, each digest once', () => {
    expect(read({ model: 'n', from: 'm' })).toMatchObject({ from: { model: 'm' }, files: [] });
    const files = { 'a.gguf': 'sha256:aa', 'b.gguf': 'sha256:bb' };
    expect(read({ model: 'n', files, adapters: { x: 'sha256:aa', y: 7 } }).files).toEqual(['sha256:aa', 'sha256:bb']);
  });

  it.each(['', '{', '[]', '"x"', '{"model":7}', '{"model":{}}', 'null'])('is nothing in %j', (text) => {
    expect(read(text)).toMatchObject({ model: undefined, from: undefined, files: [], stream: true });
  });

  it('has another name put in its place and no other byte changed', () => {
    const ask = read('{ "name" : "gpt-4o" , "x":"\\u003c" }');
    const span = ask.model?.span;
    expect(span && renamed(ask, span, 'llama3').toString()).toBe('{ "name" : "llama3" , "x":"\\u003c" }');
  });
});
