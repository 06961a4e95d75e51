import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  Scalar,
  type YAMLMap,
} from 'yaml';
import { messageOf } from '../errors.ts';
import { type ConfigIssue, configIssue } from './issue.ts';

/** Levels of maps and lists. Deeper: an issue. */
const DEPTH_MAX = 32;

/** Values in one file, aliases counted where they are used. Beyond: an issue. */
const VALUES_MAX = 100_000;

/** Where `${NAME}` and `key_file` take their values from. */
export interface ConfigSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file named in the config, relative to the config; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * A YAML file as plain values, with the place of each. `${NAME}` in a value is the environment variable; written without
 * quotes it may become a number or bool. `$${` is a plain `${`. For a key that holds a secret, `key_file: path` stands
 * for the text of that file without the line end.
 */
export class YamlSource {
  readonly value: unknown;
  readonly issues: ConfigIssue[] = [];
  readonly #surroundings: ConfigSurroundings;
  readonly #secretKeys: ReadonlySet<string>;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #keys = new Map<string, Place>();
  readonly #values = new Map<string, Place>();
  readonly #origins = new Map<string, string>();
  #count = 0;

  /** @param secretKeys keys that may be given as `key_file` */
  constructor(text: string, secretKeys: ReadonlySet<string>, surroundings: ConfigSurroundings) {
    this.#surroundings = surroundings;
    this.#secretKeys = secretKeys;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false });
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      this.issues.push(configIssue({ path: '', ...this.#place(error.pos[0]), problem: error.message }));
    }
    this.value = this.issues.length > 0 ? undefined : this.#read(this.#document.contents, '');
  }

  /** Where the value at a JSON pointer stands; the nearest value around it when there is none. */
  valuePlace(pointer: string): Place {
    return this.#values.get(pointer) ?? (pointer === '' ? { line: 1, column: 1 } : this.valuePlace(parentOf(pointer)));
  }

  /** Where the key of the value at a JSON pointer stands. */
  keyPlace(pointer: string): Place {
    return this.#keys.get(pointer) ?? this.valuePlace(pointer);
  }

  /** What a value was taken from, when it does not stand in the file: such a value must not be printed. */
  originOf(pointer: string): string | undefined {
    return this.#origins.get(pointer);
  }

  #read(node: unknown, pointer: string): unknown {
    const depth = pointer.split('/').length - 1;
    if (++this.#count > VALUES_MAX || depth > DEPTH_MAX) {
      const problem = depth > DEPTH_MAX ? `deeper than ${DEPTH_MAX} levels` : `more than ${VALUES_MAX} values`;
      if (depth > DEPTH_MAX || this.#count === VALUES_MAX + 1)
        this.#complain(pointer, this.valuePlace(pointer), problem);
      return null;
    }
    if (isAlias(node)) return this.#read(node.resolve(this.#document), pointer);
    const offset = offsetOf(node);
    if (offset !== undefined) this.#values.set(pointer, this.#place(offset));
    if (isMap(node)) return this.#readMap(node, pointer);
    if (isSeq(node)) return node.items.map((item, index) => this.#read(item, `${pointer}/${index}`));
    return isScalar(node) ? this.#readScalar(node, pointer) : null;
  }

  #readMap(map: YAMLMap, pointer: string): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    for (const pair of map.items) {
      const { name, place } = this.#key(pair, pointer);
      const secret = this.#secretOf(name);
      const own = `${pointer}/${escapeSegment(secret ?? name)}`;
      if (entries.has(secret ?? name)) {
        const first = this.#keys.get(own);
        const where = first === undefined ? '' : ` (first at ${first.line}:${first.column})`;
        this.#complain(
          own,
          place,
          secret === undefined ? `duplicate key${where}` : `given twice, also as ${name}${where}`,
        );
        continue;
      }
      this.#keys.set(own, place);
      const value = this.#read(pair.value, own);
      entries.set(secret ?? name, secret === undefined ? value : this.#readSecret(name, value, own));
    }
    return Object.fromEntries(entries);
  }

  #key(pair: Pair, pointer: string): { name: string; place: Place } {
    const offset = offsetOf(pair.key);
    const place = offset === undefined ? this.valuePlace(pointer) : this.#place(offset);
    if (isScalar(pair.key)) {
      const { value, source } = pair.key;
      return { name: typeof value === 'string' ? value : (source ?? String(value)), place };
    }
    this.#complain(pointer, place, 'a key must be a plain word');
    return { name: '?', place };
  }

  #secretOf(name: string): string | undefined {
    const secret = name.endsWith('_file') ? name.slice(0, -'_file'.length) : undefined;
    return secret !== undefined && this.#secretKeys.has(secret) ? secret : undefined;
  }

  #readSecret(key: string, path: unknown, pointer: string): unknown {
    this.#origins.set(pointer, key);
    const place = this.valuePlace(pointer);
    if (typeof path !== 'string' || path === '') {
      this.#complain(pointer, place, `${key} must be the path of a file`);
      return '';
    }
    try {
      return this.#surroundings.readFile(path).replace(/\r?\n$/, '');
    } catch (error) {
      this.#complain(pointer, place, `${key} cannot be read: ${messageOf(error)}`);
      return '';
    }
  }

  #readScalar(scalar: Scalar, pointer: string): unknown {
    const { value } = scalar;
    if (typeof value !== 'string' || !value.includes('${')) return value;
    const filled = value.replace(/\$?\$\{([^}]*)\}/g, (whole, name: string) => {
      if (whole.startsWith('$$')) return whole.slice(1);
      const found = this.#surroundings.env[name];
      if (found === undefined) {
        const place = this.valuePlace(pointer);
        this.#complain(pointer, place, `environment variable ${name === '' ? '(no name)' : name} is not set`);
        return '';
      }
      this.#origins.set(pointer, whole);
      return found;
    });
    const typed = scalar.type === Scalar.PLAIN && this.#origins.has(pointer);
    return typed ? plainValue(filled) : filled;
  }

  #complain(pointer: string, place: Place, problem: string): void {
    this.issues.push(configIssue({ path: dotted(pointer), ...place, problem }));
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    // An empty file and its end have no line of their own.
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** `/sources/car/topics/0` as a person writes it: `sources.car.topics[0]`. */
export function dotted(pointer: string): string {
  return segmentsOf(pointer).reduce((path, segment) => {
    if (/^\d+$/.test(segment) && path !== '') return `${path}[${segment}]`;
    return path === '' ? segment : `${path}.${segment}`;
  }, '');
}

/** Names of a JSON pointer (RFC 6901). */
export function segmentsOf(pointer: string): string[] {
  const [, ...segments] = pointer.split('/');
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** One name as a segment of a JSON pointer. */
export function escapeSegment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function parentOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf('/'));
}

function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0];
}

/** A word as YAML reads it without quotes; only single words become something else than text. */
function plainValue(text: string): unknown {
  if (/^[-+.\w]+$/.test(text)) {
    const value: unknown = parseDocument(text).toJS();
    if (typeof value === 'number' || typeof value === 'boolean') return value;
  }
  return text;
}
