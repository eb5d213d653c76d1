// Text from outside cannot control what shows it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeData, escapeText, safeJson, shortText } from '@vmarea/uapi';

describe('escapeText', () => {
  it.each([
    ['\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['lib\u202efdp.exe', 'lib\\u202efdp.exe'],
    ['\u2066x\u2069\u200f\u061c', '\\u2066x\\u2069\\u200f\\u061c'],
    ['a\u2028b\ufeff', 'a\\u2028b\\ufeff'],
    ['\ud800x', '\\ud800x'],
    ['\u{e0041}', '\\u{e0041}'],
    ['ä 漢 😀 [anon:libc_malloc] (deleted) \\012', 'ä 漢 😀 [anon:libc_malloc] (deleted) \\012'],
  ])('%j', (text, expected) => {
    expect(escapeText(text)).toBe(expected);
  });

  it('leaves no control and no mark of direction in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeText(text)).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(shortText(text, 20).length).toBeLessThanOrEqual(20);
      }),
    );
  });
});

it('shortText keeps both ends, and is bounded by its limit', () => {
  expect(shortText('/usr/lib/libc.so.6')).toBe('/usr/lib/libc.so.6');
  const long = shortText(`/begin${'x'.repeat(10_000_000)}end.so`, 40);
  expect(long).toHaveLength(40);
  expect(long).toMatch(/^\/beginx+…x+end\.so$/);
  expect(shortText('\u001b'.repeat(100), 30).length).toBeLessThanOrEqual(30);
});

it('escapeData goes through plain data and leaves other objects alone', () => {
  const bytes = new Uint8Array(2);
  const data = { a: ['\u0007', 1, null], m: new Map([['\u001b', '\u001b']]), s: new Set(['\u009b']), bytes };
  expect(escapeData(data)).toEqual({
    a: ['\\x07', 1, null],
    m: new Map([['\\x1b', '\\x1b']]),
    s: new Set(['\\x9b']),
    bytes,
  });
});

it('safeJson gives the same data when it is parsed, and shows no control', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (data) => {
      const text = safeJson(data);
      expect(JSON.parse(text)).toEqual(data);
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u);
    }),
  );
});
