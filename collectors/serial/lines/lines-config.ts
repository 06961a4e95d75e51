import { type Static, Type } from '@sinclair/typebox';
import { CaissonError } from '../../../gateway/errors.ts';
import { PatternError } from './parse-pattern.ts';
import { Pattern } from './pattern.ts';

/** Bytes of a line. Longer: `too-long`. */
export const TEXT_LINE_BYTES_MAX = 4096;

const LineValue = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'path of the channel below the prefix; without it, the name of the group',
      }),
    ),
    type: Type.Optional(
      Type.Union([Type.Literal('number'), Type.Literal('hex'), Type.Literal('text')], {
        default: 'number',
        description: 'what stands there; a number has a point or a comma before its decimals',
      }),
    ),
    words: Type.Optional(
      Type.Record(Type.String(), Type.Number(), {
        description: 'numbers for words that stand there: the channel is an enum with these words',
        examples: [{ STOP: 0, RUN: 1 }],
      }),
    ),
    scale: Type.Optional(Type.Number({ default: 1, description: 'value = number x scale + offset' })),
    offset: Type.Optional(Type.Number({ default: 0, description: 'see scale' })),
    unit: Type.Optional(Type.String({ default: '', description: 'unit of the value', examples: ['kg'] })),
    decimals: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 12, description: 'digits behind the point that mean something' }),
    ),
    description: Type.Optional(Type.String({ description: 'what it is' })),
  },
  { additionalProperties: false, description: 'what a group of the pattern is' },
);

const LineRule = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      maxLength: 1024,
      description:
        'regular expression, without look-around and back-references; each named group is a channel; ^ and $ tie it to the whole line',
      examples: ['^ST,GS,(?<weight>[+-][0-9.]+)kg$'],
    }),
    values: Type.Optional(
      Type.Record(Type.String(), LineValue, {
        default: {},
        description: 'what groups are, by name; without an entry, a number of no unit',
      }),
    ),
  },
  { additionalProperties: false, description: 'one kind of line' },
);

/** Key `lines` of a serial source: what lines look like. */
export const LinesConfig = Type.Array(LineRule, {
  minItems: 1,
  maxItems: 256,
  description: 'with `protocol: lines`: what lines look like; the first that matches counts',
});

export type LineValueSettings = Required<
  Omit<Static<typeof LineValue>, 'name' | 'words' | 'decimals' | 'description'>
> &
  Pick<Static<typeof LineValue>, 'name' | 'words' | 'decimals' | 'description'>;

/** The key with its defaults filled in, but for those of values: see {@link PLAIN_VALUE}. */
export type LinesSettings = readonly {
  readonly pattern: string;
  readonly values: Readonly<Record<string, Partial<LineValueSettings>>>;
}[];

/** What a group is as far as the config says nothing of it. */
export const PLAIN_VALUE: LineValueSettings = { type: 'number', scale: 1, offset: 0, unit: '' };

/**
 * What a schema cannot say.
 * @throws CaissonError `config-invalid`
 */
export function checkLines(rules: LinesSettings): void {
  for (const { pattern, values } of rules) {
    const { names } = compile(pattern);
    if (names.length === 0) refuse(pattern, 'has no named group, as (?<weight>[0-9.]+)');
    const unknown = Object.keys(values).find((name) => !names.includes(name));
    if (unknown !== undefined) refuse(pattern, `has no group ${unknown}`);
  }
}

function compile(pattern: string): Pattern {
  try {
    return new Pattern(pattern);
  } catch (error) {
    if (error instanceof PatternError) return refuse(pattern, error.message);
    throw error;
  }
}

function refuse(pattern: string, problem: string): never {
  throw new CaissonError('config-invalid', `lines: pattern ${pattern}: ${problem}`);
}
