import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseDocument, Scalar } from 'yaml';
import { CaissonError } from '../../errors.ts';
import { escapeSegment } from '../yaml-source.ts';

/** What others see in the place of a secret that stands in a config. Where an offer has it, the secret of the box stays. */
export const KEPT_ON_BOX = '(kept on the box)';

/** A scalar of a config and where it stands, as a JSON pointer in the words of the file (`/sources/m/users/0/password_file`). */
export interface PlacedScalar {
  readonly pointer: string;
  readonly scalar: Scalar;
  /** True where others may not see what it is. */
  readonly isSecret: boolean;
  /** True where it takes something that lies on the box: a variable of its environment, or a file with a secret. */
  readonly refers: boolean;
}

/**
 * A config as YAML, each node of which is what it is written as.
 * @throws CaissonError `config-invalid` for what is no YAML, or has aliases: of those nobody sees where they stand
 */
export function parseConfigYaml(text: string): Document {
  const document = parseDocument(text, { uniqueKeys: true });
  const [fault] = document.errors;
  if (fault !== undefined) throw new CaissonError('config-invalid', fault.message);
  if (document.contents !== null && !isMap(document.contents)) {
    throw new CaissonError('config-invalid', 'expected sections such as `sources:`, got something else');
  }
  return document;
}

/** Every scalar below a node. @throws CaissonError `config-invalid` for an alias or a key that is no plain word */
export function* scalarsOf(node: unknown, secretKeys: ReadonlySet<string>, pointer = ''): Generator<PlacedScalar> {
  if (isAlias(node)) {
    throw new CaissonError('config-invalid', `${pointer === '' ? 'the config' : pointer} has an alias`, {
      hint: 'write out what it stands for',
    });
  }
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) yield* scalarsOf(item, secretKeys, `${pointer}/${index}`);
  }
  if (isMap(node)) {
    for (const pair of node.items) yield* scalarsOf(pair.value, secretKeys, `${pointer}/${escapeSegment(keyOf(pair))}`);
  }
  if (isScalar(node)) yield placed(pointer, node, secretKeys);
}

/** The config as others may see it: without comments, and without what is secret. */
export function redactedYaml(text: string, secretKeys: ReadonlySet<string>): string {
  const document = parseConfigYaml(text);
  for (const { scalar, isSecret } of scalarsOf(document.contents, secretKeys)) {
    dropComments(scalar);
    if (!isSecret) continue;
    scalar.value = KEPT_ON_BOX;
    scalar.type = Scalar.QUOTE_SINGLE;
  }
  document.comment = null;
  document.commentBefore = null;
  uncomment(document.contents);
  return document.toString({ lineWidth: 0 });
}

/** Name of a key of a map. */
export function keyOf(pair: Pair): string {
  if (isScalar(pair.key)) return String(pair.key.value);
  throw new CaissonError('config-invalid', 'a key must be a plain word');
}

function placed(pointer: string, scalar: Scalar, secretKeys: ReadonlySet<string>): PlacedScalar {
  const key = pointer.slice(pointer.lastIndexOf('/') + 1);
  const text = String(scalar.value);
  const isFile = key.endsWith('_file') && secretKeys.has(key.slice(0, -'_file'.length));
  // What stands beside a reference in a secret is one itself.
  const isSecret = secretKeys.has(key) && !/^\$\{\w+\}$/.test(text);
  return { pointer, scalar, isSecret, refers: isFile || text.includes('${') };
}

function uncomment(node: unknown): void {
  if (!isMap(node) && !isSeq(node)) return;
  dropComments(node);
  for (const item of node.items) {
    if (isMap(node)) {
      const pair = item as Pair;
      dropComments(pair.key);
      dropComments(pair.value);
      uncomment(pair.value);
    } else uncomment(item);
  }
}

function dropComments(node: unknown): void {
  if (node === null || typeof node !== 'object') return;
  const commented = node as Pick<Node, 'comment' | 'commentBefore'>;
  commented.comment = null;
  commented.commentBefore = null;
}
