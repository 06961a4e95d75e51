import type { Dbc, DbcNote } from './dbc.ts';
import { finishMessage } from './finish-message.ts';
import { type MessageDraft, parseMessageHead, parseSignal, type SignalDraft } from './parse-message.ts';
import { DbcScanner } from './scanner.ts';
import { SECTIONS } from './sections.ts';

/**
 * Reads the text of a DBC file. Statements without a meaning for decoding are passed over, unknown ones with a note.
 * Throws `dbc-invalid` with file, line and reason where the file is broken.
 * @param file name for messages
 */
export function parseDbc(text: string, file: string): Dbc {
  return new DbcParser(text, file).parse();
}

class DbcParser {
  readonly #scanner: DbcScanner;
  readonly #messages = new Map<number, MessageDraft>();
  readonly #defaults = new Map<string, string | number>();
  readonly #notes: DbcNote[] = [];
  readonly #nodes: string[] = [];
  #version = '';
  /** The message whose signals are being read; undefined outside of one. */
  #current: MessageDraft | undefined;

  /** What reads the rest of a statement, by its keyword. */
  readonly #readers: Readonly<Record<string, (line: number) => void>> = {
    VERSION: () => this.#readVersion(),
    NS_: () => this.#symbols(),
    BS_: () => this.#restOfLines(),
    BU_: () => this.#nodeList(),
    BO_: () => this.#message(),
    SG_: (line) => this.#signal(line),
    VAL_TABLE_: () => this.#valueTable(),
    VAL_: (line) => this.#values(line),
    CM_: (line) => this.#comment(line),
    BA_DEF_DEF_: () => this.#attributeDefault(),
    BA_: (line) => this.#attribute(line),
    SIG_VALTYPE_: (line) => this.#valueType(line),
    SG_MUL_VAL_: (line) => this.#selectorRanges(line),
  };

  constructor(text: string, file: string) {
    this.#scanner = new DbcScanner(text.startsWith('\ufeff') ? text.slice(1) : text, file);
  }

  parse(): Dbc {
    while (!this.#scanner.atEnd) this.#statement();
    const messages = [...this.#messages.values()].map((draft) =>
      finishMessage(draft, this.#defaults, this.#scanner, (line, text) => this.#note(line, text)),
    );
    const { file } = this.#scanner;
    return { file, version: this.#version, nodes: this.#nodes, messages, notes: this.#notes };
  }

  #statement(): void {
    const scanner = this.#scanner;
    const line = scanner.line;
    if (scanner.trySymbol(';')) return;
    const keyword = scanner.word('a keyword');
    if (keyword !== 'SG_') this.#current = undefined;
    const read = this.#readers[keyword];
    if (read !== undefined) read(line);
    else if (SECTIONS.has(keyword)) scanner.skipStatement();
    else this.#unknown(keyword, line);
  }

  #readVersion(): void {
    this.#version = this.#scanner.string('the version');
  }

  /** The keywords that the file's writer knows, one a line; they look like statements and are none. */
  #symbols(): void {
    const scanner = this.#scanner;
    scanner.symbol(':');
    for (let word = scanner.peekWord(); word !== undefined; word = scanner.peekWord()) {
      if (word === 'BS_' || word === 'BU_' || word === 'BO_') return;
      scanner.word('a keyword');
    }
  }

  #restOfLines(): void {
    const scanner = this.#scanner;
    while (!scanner.atEnd && !this.#atSection()) scanner.skipOne();
  }

  #nodeList(): void {
    const scanner = this.#scanner;
    scanner.symbol(':');
    while (!scanner.atEnd && !this.#atSection()) {
      this.#nodes.push(scanner.word('the name of a node'));
      scanner.trySymbol(',');
    }
  }

  #message(): void {
    const draft = parseMessageHead(this.#scanner);
    this.#current = draft;
    const first = this.#messages.get(draft.key);
    if (first === undefined) this.#messages.set(draft.key, draft);
    else this.#note(draft.line, `message ${draft.key} is there already in line ${first.line}: the first counts`);
  }

  #signal(line: number): void {
    const message = this.#current ?? this.#scanner.refuse(line, 'a signal outside of a message');
    const signal = parseSignal(this.#scanner, message.length);
    if (message.signals.some((other) => other.name === signal.name)) {
      this.#scanner.refuse(line, `message ${message.name} has two signals ${signal.name}`);
    }
    message.signals.push(signal);
  }

  /** Signals that use a table repeat it in their VAL_. */
  #valueTable(): void {
    this.#scanner.word('the name of the value table');
    this.#labels();
  }

  #attributeDefault(): void {
    const name = this.#scanner.string('the name of the attribute');
    this.#defaults.set(name, this.#attributeValue());
    this.#scanner.symbol(';');
  }

  #values(line: number): void {
    const scanner = this.#scanner;
    if (!scanner.hasNumber()) {
      scanner.word('the name of an environment variable');
      this.#labels();
      return;
    }
    const signal = this.#signalOf(line, 'values');
    const labels = this.#labels();
    if (signal !== undefined) signal.labels = labels;
  }

  /** `<number> "<text>"` ... `;` */
  #labels(): Map<number, string> {
    const labels = new Map<number, string>();
    const scanner = this.#scanner;
    while (!scanner.trySymbol(';')) {
      const value = scanner.number("a value or ';'");
      labels.set(value, scanner.string('the name of the value'));
    }
    return labels;
  }

  #comment(line: number): void {
    const scanner = this.#scanner;
    const object = scanner.peek() === '"' ? '' : scanner.word('what is commented on');
    let target: { comment: string } | undefined;
    if (object === 'BO_') target = this.#messageOf(line, 'a comment');
    else if (object === 'SG_') target = this.#signalOf(line, 'a comment');
    else if (scanner.peek() !== '"') scanner.word(`the name behind ${object}`);
    const comment = scanner.string('the comment');
    scanner.symbol(';');
    if (target !== undefined) target.comment = comment;
  }

  #attribute(line: number): void {
    const scanner = this.#scanner;
    const name = scanner.string('the name of the attribute');
    const object = scanner.peekWord();
    let target: Map<string, string | number> | undefined;
    if (object !== undefined) scanner.word('what the attribute belongs to');
    if (object === 'BO_') target = this.#messageOf(line, `attribute ${name}`)?.attributes;
    else if (object === 'SG_') target = this.#signalOf(line, `attribute ${name}`)?.attributes;
    else if (object !== undefined) scanner.word(`the name behind ${object}`);
    const value = this.#attributeValue();
    scanner.symbol(';');
    target?.set(name, value);
  }

  #attributeValue(): string | number {
    return this.#scanner.peek() === '"'
      ? this.#scanner.string('the value of the attribute')
      : this.#scanner.number('the value of the attribute');
  }

  #valueType(line: number): void {
    const scanner = this.#scanner;
    const signal = this.#signalOf(line, 'a value type');
    scanner.trySymbol(':');
    const type = scanner.integer('the value type');
    scanner.symbol(';');
    if (type > 2)
      scanner.refuse(line, `value type ${type}: expected 0 (integer), 1 (32-bit float) or 2 (64-bit float)`);
    if (signal === undefined || type === 0) return;
    const bits = type * 32;
    if (signal.length !== bits) {
      scanner.refuse(line, `signal ${signal.name} is a ${bits}-bit float and has ${signal.length} bits`);
    }
    signal.encoding = type === 1 ? 'float32' : 'float64';
  }

  /** `SG_MUL_VAL_ <id> <signal> <selector> <from>-<to>, <from>-<to> ... ;` */
  #selectorRanges(line: number): void {
    const scanner = this.#scanner;
    const signal = this.#signalOf(line, 'selector values');
    const selector = scanner.word('the name of the selector');
    const ranges: [number, number][] = [];
    while (!scanner.trySymbol(';')) {
      const from = scanner.integer('the first value of a range');
      scanner.symbol('-');
      const to = scanner.integer('the last value of a range');
      if (to < from) scanner.refuse(line, `range ${from}-${to} ends before it begins`);
      ranges.push([from, to]);
      scanner.trySymbol(',');
    }
    if (signal !== undefined) signal.presence = { selector, ranges };
  }

  #unknown(keyword: string, line: number): void {
    this.#restOfLines();
    this.#note(line, `statement ${keyword} is not known and was passed over`);
  }

  #atSection(): boolean {
    return this.#scanner.atLineStart && SECTIONS.has(this.#scanner.peekWord() ?? '');
  }

  /** Reads the identifier of a message; a note where there is no such message. */
  #messageOf(line: number, what: string): MessageDraft | undefined {
    const key = this.#scanner.integer('the identifier of a message');
    const message = this.#messages.get(key);
    if (message === undefined) this.#note(line, `${what} of message ${key}, which is not there`);
    return message;
  }

  /** Reads the identifier of a message and the name of a signal; a note where there is no such signal. */
  #signalOf(line: number, what: string): SignalDraft | undefined {
    const message = this.#messageOf(line, what);
    const name = this.#scanner.word('the name of a signal');
    const signal = message?.signals.find((candidate) => candidate.name === name);
    if (message !== undefined && signal === undefined) {
      this.#note(line, `${what} of signal ${name}, which message ${message.name} does not have`);
    }
    return signal;
  }

  #note(line: number, text: string): void {
    this.#notes.push({ line, text });
  }
}
