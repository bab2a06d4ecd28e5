import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpolate, shield } from '../../../src/config/environment.ts';
import { configOf, problemsOf } from './context.ts';

describe('variables in values', () => {
  it.each([
    ['a${X}b', 'a1b'],
    ['${X}${X}', '11'],
    ['${EMPTY}', ''],
    ['${EMPTY:-d}', 'd'],
    ['${NONE:-}', ''],
    ['${NONE:-a:b #c}', 'a:b #c'],
    ['$${X}', '${X}'],
    ['$$${X}', '$${X}'],
    ['$X {X} $', '$X {X} $'],
    ['$${a}${X}', '${a}1'],
  ])('turn %s into %s', (text, expected) => {
    expect(interpolate(text, { X: '1', EMPTY: '' })).toEqual({ ok: true, value: expected });
  });

  it.each(['${NONE}', '${constructor}'])('are a problem when unset: %s', (text) => {
    expect(interpolate(text, {})).toEqual({ ok: false, message: expect.stringContaining('is not set') });
  });

  it.each(['${', '${}', '${1A}', '${a b}', '${X:=y}', 'x ${X'])('are a problem when malformed: %s', (text) => {
    expect(interpolate(text, { X: '1' })).toEqual({ ok: false, message: expect.stringContaining('is not a variable') });
  });

  it('leave a text alone that went through the escape', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('$', '{', '}', '${', 'A', ':-')).map((all) => all.join('')),
        (text) => {
          expect(
            interpolate(
              text.replaceAll('${', () => '$${'),
              {},
            ),
          ).toEqual({ ok: true, value: text });
        },
      ),
    );
  });

  it('work unquoted inside braces, where YAML alone would stop at them', () => {
    const config = configOf('admin: { listen: 127.0.0.1:11436, token: ${ADMIN_TOKEN:-} }');
    expect(config.admin.token).toBeUndefined();
    expect(configOf('admin: { token: ${T}, listen: "${A:-127.0.0.1:1}" }', { T: '123' }).admin).toEqual({
      token: '123',
      listen: { host: '127.0.0.1', port: 1 },
    });
  });

  it('fill numbers and words too', () => {
    const config = configOf('retry: { max_attempts: ${N} }\nplacement: { enabled: ${P:-false} }\n', { N: '7' });
    expect(config.retry.maxAttempts).toBe(7);
  });

  it('are reported at the value, once', () => {
    expect(problemsOf('backends:\n  - { name: a, url: ${NONE} }\n')).toEqual([
      'f:2:21: backends[0].url: the environment variable NONE is not set: set it, or give a default with ${NONE:-some default}',
    ]);
  });

  it('do not move what stands after them on the line', () => {
    expect(problemsOf('admin: { token: ${NONE:-a{b:#c}, lisen: x }')).toEqual([
      expect.stringMatching(/^f:1:34: admin\.lisen: unknown key, did you mean "listen"\?/),
    ]);
  });

  it('are hidden from YAML without a trace, whatever else the text holds', () => {
    const text = fc
      .array(fc.constantFrom('${', '}', 'a', ':', '\n', '\uE000', '\uE07F', '\uF8FF', '"', ' #'))
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, (given) => {
        const hidden = shield(given);
        expect(hidden.text).toHaveLength(given.length);
        expect(hidden.unshield(hidden.text)).toBe(given);
      }),
    );
  });
});
