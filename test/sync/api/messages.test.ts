import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import t from 'tap';
import ts from 'typescript';
import { PROJECT_ROOT } from '../../data-dir.ts';

const PROTO = ['telemetry', 'fleet', 'relay']
  .reduce(
    (root, name) =>
      protobuf.parse(readFileSync(join(PROJECT_ROOT, `sync/proto/caisson/v1/${name}.proto`), 'utf8'), root).root,
    new protobuf.Root(),
  )
  .lookup('caisson.v1');

const SCALARS: Readonly<Record<string, string>> = {
  double: 'number',
  uint32: 'number',
  uint64: 'number',
  bool: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
};

t.test('every message of the proto has an interface with the same fields', async (t) => {
  const declared = declarations();
  const expected = new Map<string, Record<string, string> | readonly string[]>();
  for (const node of PROTO instanceof protobuf.Namespace ? PROTO.nestedArray : []) {
    if (node instanceof protobuf.Type) expected.set(`${node.name}Message`, fieldsOf(node));
    if (node instanceof protobuf.Enum) expected.set(`${node.name}Name`, Object.keys(node.values));
  }
  t.same([...declared.keys()].sort(), [...expected.keys()].sort());
  for (const [name, members] of expected) t.same(declared.get(name), members, name);
});

/** Type of each field as its interface must spell it. */
function fieldsOf(type: protobuf.Type): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const field of type.fieldsArray) {
    field.resolve();
    const { resolvedType } = field;
    let spelled = SCALARS[field.type] ?? `${field.type}${resolvedType instanceof protobuf.Enum ? 'Name' : 'Message'}`;
    if (field instanceof protobuf.MapField) spelled = `Readonly<Record<string, ${spelled}>>`;
    else if (field.repeated) spelled = `readonly ${spelled}[]`;
    else if (resolvedType instanceof protobuf.Type && field.partOf === null) spelled += ' | null';
    fields[`${camel(field.name)}${field.partOf === null ? '' : '?'}`] = spelled;
  }
  return fields;
}

/** Interfaces and unions of names in `messages.ts` and every `NAME-messages.ts`; each stands once. */
function declarations(): Map<string, Record<string, string> | readonly string[]> {
  const folder = join(PROJECT_ROOT, 'sync/api');
  const found = new Map<string, Record<string, string> | readonly string[]>();
  for (const file of readdirSync(folder).filter((name) => /^([\w-]+-)?messages\.ts$/.test(name))) {
    const source = ts.createSourceFile(file, readFileSync(join(folder, file), 'utf8'), ts.ScriptTarget.ES2023, true);
    for (const [name, members] of declarationsOf(source)) {
      if (found.has(name)) throw new Error(`${name} stands in ${file} and in another file`);
      found.set(name, members);
    }
  }
  return found;
}

function* declarationsOf(source: ts.SourceFile): Iterable<[string, Record<string, string> | readonly string[]]> {
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement)) {
      const members: Record<string, string> = {};
      for (const member of statement.members) {
        if (!ts.isPropertySignature(member) || member.type === undefined) continue;
        members[`${member.name.getText()}${member.questionToken === undefined ? '' : '?'}`] = member.type.getText();
      }
      yield [statement.name.text, members];
    }
    if (ts.isTypeAliasDeclaration(statement)) {
      const names = ts.isUnionTypeNode(statement.type) ? statement.type.types.map((each) => each.getText()) : undefined;
      yield [statement.name.text, names?.map((name) => name.slice(1, -1)) ?? {}];
    }
  }
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
