import type { TSchema } from '@sinclair/typebox';

/** JSON Schema draft-07 of a config, for editors; each secret may also be given as `key_file`. */
export function editorSchema(schema: TSchema, title: string): Record<string, unknown> {
  const plain = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...(withSecretFiles(plain) as object) };
}

function withSecretFiles(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withSecretFiles);
  if (typeof part !== 'object' || part === null) return part;
  const schema = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withSecretFiles(value)]));
  if (schema.type !== 'object' || typeof schema.properties !== 'object') return schema;

  const properties = schema.properties as Record<string, { writeOnly?: boolean }>;
  const secrets = Object.keys(properties).filter((name) => properties[name]?.writeOnly === true);
  if (secrets.length === 0) return schema;
  const required = (schema.required as string[] | undefined) ?? [];
  const files = secrets.map((name) => {
    const description = `path of a file that holds ${name}, in its place`;
    return [`${name}_file`, { type: 'string', minLength: 1, description }];
  });
  return {
    ...schema,
    properties: { ...properties, ...Object.fromEntries(files) },
    required: required.filter((name) => !secrets.includes(name)),
    allOf: secrets.map((name) => {
      const either = [{ required: [name] }, { required: [`${name}_file`] }];
      return required.includes(name) ? { oneOf: either } : { not: { required: [name, `${name}_file`] } };
    }),
  };
}
