import fc from 'fast-check';
import t from 'tap';
import { PatternError } from '../../../../collectors/serial/lines/parse-pattern.ts';
import { Pattern } from '../../../../collectors/serial/lines/pattern.ts';

/** What JavaScript's own expression takes, in the order of the groups. */
function oracle(pattern: string, line: string): (string | undefined)[] | undefined {
  const groups = new RegExp(pattern).exec(line)?.groups;
  if (groups === undefined) return new RegExp(pattern).test(line) ? [] : undefined;
  return new Pattern(pattern).names.map((name) => groups[name]);
}

const CASES: readonly (readonly [pattern: string, line: string])[] = [
  ['^ST,(?<state>GS|US),(?<weight>[+-]\\s*[\\d.]+)\\s?kg$', 'ST,GS,+ 12.50 kg'],
  ['T=(?<t>-?\\d+(?:\\.\\d+)?)', 'x T=-12.5;'],
  ['(?<a>a*?)(?<b>a*)$', 'aaaa'],
  ['(?<a>\\d{2,3})(?<b>\\d{0,2})', '123456'],
  ['(?<a>x|xy|xyz)(?<b>z?)$', 'xyz'],
  ['^(?:(?<on>ON)|(?<off>OFF))$', 'OFF'],
  ['(?<a>[^,\\]\\-a-c]+)', 'abcdef,'],
  ['(?<a>[\\w.-]+)@(?<b>\\x41\\u0042)', 'me.you-1@AB'],
  ['(?<a>.*)b(?<c>.*)', 'abcbd'],
  ['(?:a|b)*(?<c>c|)', 'ababc'],
  ['^$(?<a>x?)', ''],
  ['(?<a>é+)', 'caféé'],
];

for (const [pattern, line] of CASES) {
  t.test(`${pattern} on ${JSON.stringify(line)} is what JavaScript takes`, async (t) => {
    t.same(new Pattern(pattern).match(line), oracle(pattern, line));
  });
}

/** Undefined where the pattern is refused because something empty is repeated, or it is too long with its counts written out. */
function compile(pattern: string): Pattern | undefined {
  try {
    return new Pattern(pattern);
  } catch (error) {
    if (error instanceof PatternError && /may be empty|more than \d+ steps/.test(error.message)) return undefined;
    throw error;
  }
}

t.test('takes what JavaScript takes, whatever the pattern and the line', async (t) => {
  const { pattern } = fc.letrec<{ pattern: string; part: string; atom: string }>((tie) => ({
    pattern: fc.oneof(
      { depthSize: 'small' },
      fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
    ),
    part: fc
      .tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '*?', '{2}', '{1,3}', '{0,2}?'))
      .map((both) => both.join('')),
    atom: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w'),
      tie('pattern').map((inner) => `(?:${inner})`),
    ),
  }));
  fc.assert(
    fc.property(pattern, pattern, fc.stringMatching(/^[ab1 ]{0,12}$/), (first, second, line) => {
      const whole = `(?<one>${first})(?<two>${second})`;
      const compiled = compile(whole);
      fc.pre(compiled !== undefined);
      t.same(compiled?.match(line), oracle(whole, line), `${whole} on ${line}`);
    }),
    { numRuns: 500 },
  );
});

t.test('needs time in proportion to the line where backtracking would not end', async (t) => {
  const line = `${'a'.repeat(4000)}!`;
  for (const hostile of ['^(?<x>(?:a+)+)$', '^(?<x>(?:a|a)*)$', '(?<x>.*.*.*.*.*=)', '^(?<x>a{0,200}a{0,200}b)$']) {
    const before = process.cpuUsage();
    t.equal(new Pattern(hostile).match(line), undefined, hostile);
    const { user } = process.cpuUsage(before);
    t.ok(user < 2e6, `${user} microseconds`);
  }
});

/** Patterns that are refused, and why. */
const REFUSED: readonly (readonly [pattern: string, why: RegExp])[] = [
  ['(?=a)', /look-around/],
  ['(?<!a)b', /look-around/],
  ['(a)\\1', /\\1 is not taken/],
  ['\\b', /\\b is not taken/],
  ['a**', /nothing to repeat/],
  ['*', /nothing to repeat/],
  ['^*', /nothing to repeat/],
  ['(a', /expected \)/],
  ['a)', /expected an end/],
  ['[a', /ends too soon/],
  ['[z-a]', /from lower to higher/],
  ['[\\d-z]', /from character to character/],
  ['a{', /expected a count/],
  ['a{3,2}', /3 is more than 2/],
  ['a{300}', /256 at most/],
  ['(?:(?:a{100}){100}){2}', /more than 2000 steps/],
  ['(?:a*)+', /may be empty/],
  ['(?:a|)?', /may be empty/],
  ['(?<a>b)+', /may not be repeated/],
  ['(?<a>b)(?<a>c)', /one name/],
  ['\\', /ends too soon/],
  ['\\x4', /hex digits/],
  [']', /is written/],
];

for (const [pattern, why] of REFUSED) {
  t.test(`${pattern} is refused`, async (t) => {
    try {
      new Pattern(pattern);
      t.fail('taken');
    } catch (error) {
      t.ok(error instanceof PatternError);
      t.match((error as Error).message, why);
    }
  });
}
