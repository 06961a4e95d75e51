import { CaissonError } from '../../../gateway/errors.ts';

const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const INTEGER = /\d+/y;
const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
/** White space and `//` comments, which people put there by hand. */
const SPACE = /(?:\s+|\/\/.*)+/y;

/**
 * Reads the words of a DBC file one by one, as the parser asks for them: what `1-5` is depends on the section. Where
 * something else stands than what is asked for, it throws `dbc-invalid` with file and line.
 */
export class DbcScanner {
  readonly file: string;
  readonly #text: string;
  #at = 0;
  #line = 1;
  /** Line of the word that was read last. */
  #lineBefore = 0;

  /** @param file name for messages */
  constructor(text: string, file: string) {
    this.file = file;
    this.#text = text;
    this.#skipSpace();
  }

  /** Line of what comes next, from 1. */
  get line(): number {
    return this.#line;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** True where what comes next is the first of its line. */
  get atLineStart(): boolean {
    return this.#line !== this.#lineBefore;
  }

  /** The word that comes next, not taken; undefined where none does. */
  peekWord(): string | undefined {
    return this.#match(WORD);
  }

  /** The character that comes next, not taken; empty at the end. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  /** Takes a name or keyword. */
  word(expected: string): string {
    return this.#take(this.#match(WORD) ?? this.fail(`expected ${expected}`));
  }

  /** Takes digits. */
  integer(expected: string): number {
    return Number(this.#take(this.#match(INTEGER) ?? this.fail(`expected ${expected}`)));
  }

  number(expected: string): number {
    return Number(this.#take(this.#match(NUMBER) ?? this.fail(`expected ${expected}`)));
  }

  /** Takes text in quotes, of any number of lines. */
  string(expected: string): string {
    if (this.peek() !== '"') this.fail(`expected ${expected} in quotes`);
    const end = this.#stringEnd();
    const quoted = this.#take(this.#text.slice(this.#at, end));
    return quoted.slice(1, -1).replaceAll('\\"', '"');
  }

  /** Takes one character. */
  symbol(symbol: string): void {
    if (!this.trySymbol(symbol)) this.fail(`expected '${symbol}'`);
  }

  /** Takes the character if it comes next. */
  trySymbol(symbol: string): boolean {
    if (this.peek() !== symbol) return false;
    this.#take(symbol);
    return true;
  }

  /** True where a number comes next. */
  hasNumber(): boolean {
    return this.#match(NUMBER) !== undefined;
  }

  /** Passes over everything up to and with the next semicolon outside quotes. */
  skipStatement(): void {
    const line = this.#line;
    while (!this.trySymbol(';')) {
      if (this.atEnd) this.refuse(line, "the statement is not ended by ';'");
      this.skipOne();
    }
  }

  /** Passes over one string, word or other character. */
  skipOne(): void {
    if (this.peek() === '"') this.#take(this.#text.slice(this.#at, this.#stringEnd()));
    else this.#take(this.#match(WORD) ?? this.peek());
  }

  /** Refuses the file for what comes next. */
  fail(expected: string): never {
    return this.refuse(this.#line, `${expected}, found ${this.#excerpt()}`);
  }

  /** Refuses the file for what stands in a line. */
  refuse(line: number, reason: string): never {
    throw new CaissonError('dbc-invalid', `${this.file}:${line}: ${reason}`);
  }

  #excerpt(): string {
    if (this.atEnd) return 'the end of the file';
    return JSON.stringify(/[^\r\n]{1,24}/.exec(this.#text.slice(this.#at, this.#at + 25))?.[0] ?? '');
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #take(taken: string): string {
    this.#advance(taken);
    this.#lineBefore = this.#line;
    this.#skipSpace();
    return taken;
  }

  #skipSpace(): void {
    const space = this.#match(SPACE);
    if (space !== undefined) this.#advance(space);
  }

  #advance(passed: string): void {
    this.#at += passed.length;
    for (let at = passed.indexOf('\n'); at >= 0; at = passed.indexOf('\n', at + 1)) this.#line++;
  }

  /** Where the string that begins here ends, behind its quote. */
  #stringEnd(): number {
    let end = this.#text.indexOf('"', this.#at + 1);
    while (end > 0 && this.#text.charAt(end - 1) === '\\') end = this.#text.indexOf('"', end + 1);
    if (end < 0) this.refuse(this.#line, 'the text is not ended by a quote');
    return end + 1;
  }
}
