import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** One file that another needs, at run time or for its types. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** Line of `from`, from 1. */
  readonly line: number;
}

/** Files of a folder whose names end with one of `endings`, as paths from `root` with forward slashes. */
export function sourceFiles(root: string, folders: readonly string[], endings: readonly string[]): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => posix.join(folder, name)),
    )
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .sort();
}

/**
 * All relative imports of a TypeScript file: `import` and `export ... from`, also of types, `import()` as a call and as a
 * type, and files that start as workers, `new URL('./file.ts', import.meta.url)`.
 *
 * @param path from the project's root, with forward slashes
 * @returns targets as paths from the project's root, as they are written
 */
export function relativeImports(path: string, text: string): Import[] {
  const kind = path.endsWith('.tsx') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false, kind);
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined && /^\.{1,2}\//.test(specifier.text)) {
      const to = posix.join(posix.dirname(path), specifier.text);
      imports.push({ from: path, to, line: source.getLineAndCharacterOfPosition(specifier.end).line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier);
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal) : undefined;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return literal(node.arguments[0]);
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'URL') {
    const [file, base] = node.arguments ?? [];
    const isOwn = base !== undefined && ts.isPropertyAccessExpression(base) && ts.isMetaProperty(base.expression);
    return isOwn ? literal(file) : undefined;
  }
  return undefined;
}

function literal(node: ts.Node | undefined): ts.StringLiteralLike | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node : undefined;
}

/** Reads the imports of many files. */
export function importsOf(root: string, paths: readonly string[]): Import[] {
  return paths.flatMap((path) => relativeImports(path, readFileSync(join(root, path), 'utf8')));
}

/** Every cycle once, as the files on it in order; empty when there is none. */
export function findCycles(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): void => {
    const start = trail.indexOf(file);
    if (start >= 0) {
      cycles.push(trail.slice(start));
      return;
    }
    if (done.has(file)) return;
    trail.push(file);
    for (const target of targets.get(file) ?? []) visit(target);
    trail.pop();
    done.add(file);
  };
  for (const file of targets.keys()) visit(file);
  return cycles;
}

/** Folders whose files may be imported from a folder, beside the folder itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  hardware: [],
  gateway: [],
  collectors: ['hardware', 'gateway'],
  sync: ['gateway'],
  dashboards: ['gateway'],
  test: ['hardware', 'gateway', 'collectors', 'sync', 'dashboards'],
};

/** The rule that an import breaks, as a sentence; undefined when it is allowed. */
export function brokenRule({ from, to }: Pick<Import, 'from' | 'to'>): string | undefined {
  if (from.startsWith('dashboards/web/')) {
    const isOwn = to.startsWith('dashboards/web/') || to === 'dashboards/wire.ts';
    return isOwn ? undefined : 'dashboards/web may import dashboards/wire.ts and nothing else';
  }
  const [source = ''] = from.split('/');
  const [target = ''] = to.split('/');
  if (from === 'gateway/main.ts' || from.startsWith('gateway/commands/')) {
    return target === 'test' ? 'nothing but a test may import test' : undefined;
  }
  if (source === 'gateway' && (to === 'gateway/main.ts' || to.startsWith('gateway/commands/'))) {
    return 'only main.ts and commands may import main.ts and commands';
  }
  if (source === 'dashboards' && to.startsWith('dashboards/web/')) return 'the server may not import the browser app';
  if (to.startsWith('gateway/commands/') && source !== 'test') return 'only main.ts may import commands';
  if (source === target) return undefined;
  const allowed = ARROWS[source];
  if (allowed === undefined) return `${source} is none of the folders of this house`;
  if (allowed.includes(target)) return undefined;
  return allowed.length === 0
    ? `${source} may import none of the other folders`
    : `${source} may import ${allowed.join(', ')} and nothing else`;
}
