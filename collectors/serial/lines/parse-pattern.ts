/**
 * The part of regular expressions that lines are described with, in the notation of JavaScript: characters, `.`, classes, `\d \w \s`
 * and their opposites, groups, named groups, alternatives, `? * + {n,m}` and their lazy forms, `^` and `$`. No back-references and
 * no look-around, which cannot be matched in linear time.
 */

/** What a pattern is made of. */
export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly has: CharSet }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'either'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly of: Node;
      readonly least: number;
      readonly most: number;
      readonly isLazy: boolean;
    }
  | { readonly kind: 'group'; readonly name: string | undefined; readonly of: Node };

/** Whether a UTF-16 code unit belongs to a set. */
export type CharSet = (code: number) => boolean;

/** A pattern that cannot be used; the message says why and where. */
export class PatternError extends Error {}

/** How often something may be repeated by a count. */
export const REPEAT_MAX = 256;

const SPACE = /\s/;
const isDigit: CharSet = (code) => code >= 0x30 && code <= 0x39;
const isWord: CharSet = (code) =>
  isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f;
const isSpace: CharSet = (code) => SPACE.test(String.fromCharCode(code));
const not =
  (set: CharSet): CharSet =>
  (code) =>
    !set(code);
const isLineEnd: CharSet = (code) => code === 0x0a || code === 0x0d || code === 0x2028 || code === 0x2029;

const SETS: Readonly<Record<string, CharSet>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};

const CONTROLS: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, v: 0x0b, f: 0x0c, r: 0x0d, 0: 0x00 };

/** @throws PatternError */
export function parsePattern(text: string): Node {
  const parser = new PatternParser(text);
  const node = parser.either();
  if (!parser.isAtEnd) parser.fail('expected an end, got )');
  return node;
}

class PatternParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  fail(problem: string): never {
    throw new PatternError(`${problem}, at character ${this.#at + 1}`);
  }

  either(): Node {
    const options = [this.#sequence()];
    while (this.#takes('|')) options.push(this.#sequence());
    return options.length === 1 ? (options[0] ?? { kind: 'empty' }) : { kind: 'either', options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (!this.isAtEnd && !'|)'.includes(this.#peek())) parts.push(this.#repeated());
    return parts.length === 0 ? { kind: 'empty' } : { kind: 'sequence', parts };
  }

  #repeated(): Node {
    const of = this.#atom();
    const bounds = this.#bounds();
    if (bounds === undefined) return of;
    if (of.kind === 'start' || of.kind === 'end') this.fail('nothing to repeat');
    const isLazy = this.#takes('?');
    if (this.#bounds() !== undefined) this.fail('nothing to repeat');
    return { kind: 'repeat', of, least: bounds[0], most: bounds[1], isLazy };
  }

  #bounds(): readonly [least: number, most: number] | undefined {
    if (this.#takes('?')) return [0, 1];
    if (this.#takes('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#takes('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#peek() !== '{') return undefined;
    const counted = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(this.#text.slice(this.#at));
    if (counted === null) this.fail('expected a count as {2}, {2,} or {2,5}; a brace itself is \\{');
    const [all, least = '0', comma, most = ''] = counted;
    this.#at += all.length;
    const from = Number(least);
    const to = comma === '' ? from : most === '' ? Number.POSITIVE_INFINITY : Number(most);
    if (from > to) this.fail(`${from} is more than ${to}`);
    if (from > REPEAT_MAX || (to > REPEAT_MAX && to !== Number.POSITIVE_INFINITY)) {
      this.fail(`a count may be ${REPEAT_MAX} at most`);
    }
    return [from, to];
  }

  #atom(): Node {
    const char = this.#next();
    switch (char) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'set', has: not(isLineEnd) };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', has: this.#class() };
      case '\\': {
        const escaped = this.#escape();
        return { kind: 'set', has: typeof escaped === 'number' ? (code) => code === escaped : escaped };
      }
      case '*':
      case '+':
      case '?':
      case '{':
        this.#at -= 1;
        return this.fail('nothing to repeat');
      case ']':
      case '}':
        this.#at -= 1;
        return this.fail(`${char} itself is written \\${char}`);
      default: {
        const only = char.charCodeAt(0);
        return { kind: 'set', has: (code) => code === only };
      }
    }
  }

  #group(): Node {
    let name: string | undefined;
    if (this.#takes('?')) {
      const kind = /^(?::|<([A-Za-z_$][\w$]*)>)/.exec(this.#text.slice(this.#at));
      if (kind === null) this.fail('look-around is not taken, expected (?:...) or (?<name>...)');
      this.#at += kind[0].length;
      name = kind[1];
    }
    const of = this.either();
    if (!this.#takes(')')) this.fail('expected )');
    return { kind: 'group', name, of };
  }

  #class(): CharSet {
    const isNegated = this.#takes('^');
    const sets: CharSet[] = [];
    while (!this.#takes(']')) {
      const low = this.#classAtom();
      const isRange =
        this.#peek() === '-' && this.#text[this.#at + 1] !== ']' && this.#text[this.#at + 1] !== undefined;
      if (!isRange) {
        sets.push(typeof low === 'number' ? (code) => code === low : low);
        continue;
      }
      this.#at += 1;
      const high = this.#classAtom();
      if (typeof low !== 'number' || typeof high !== 'number') this.fail('a range is from character to character');
      if (low > high) this.fail('a range is from lower to higher');
      sets.push((code) => code >= low && code <= high);
    }
    const has: CharSet = (code) => sets.some((set) => set(code));
    return isNegated ? not(has) : has;
  }

  #classAtom(): number | CharSet {
    const char = this.#next();
    return char === '\\' ? this.#escape() : char.charCodeAt(0);
  }

  /** What stands behind a backslash: a character, or a set. */
  #escape(): number | CharSet {
    const char = this.#next();
    const set = SETS[char];
    if (set !== undefined) return set;
    const control = CONTROLS[char];
    if (control !== undefined) return control;
    if (char === 'x' || char === 'u') {
      const digits = this.#text.slice(this.#at, this.#at + (char === 'x' ? 2 : 4));
      if (!(char === 'x' ? /^[0-9A-Fa-f]{2}$/ : /^[0-9A-Fa-f]{4}$/).test(digits)) this.fail('expected hex digits');
      this.#at += digits.length;
      return Number.parseInt(digits, 16);
    }
    if (/[0-9A-Za-z]/.test(char)) this.fail(`\\${char} is not taken`);
    return char.charCodeAt(0);
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #takes(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    if (this.isAtEnd) this.fail('the pattern ends too soon');
    this.#at += 1;
    return this.#text[this.#at - 1] ?? '';
  }
}
