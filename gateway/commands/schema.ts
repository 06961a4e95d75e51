import type { TSchema } from '@sinclair/typebox';
import type { Command } from 'commander';
import { editorSchema } from '../config/editor-schema.ts';
import { schemaTable } from '../config/schema-table.ts';
import { CONFIG_FILE } from './config-file.ts';
import { CONFIG_SCHEMA } from './config-schema.ts';
import { conclude, Output } from './outcome.ts';
import { COMMON_KEYS, SOURCE_KINDS, type SourceKind, sourceSchema } from './source-kinds.ts';

export function registerSchema(program: Command): void {
  program
    .command('schema')
    .option('--json', 'JSON Schema, which is also what is printed without an option')
    .option('--markdown', 'tables for a person to read')
    .addHelpText('after', '\nExamples:\n  caisson schema > caisson.schema.json\n  caisson schema --markdown')
    .action((options: { markdown?: boolean }) =>
      conclude(async () => {
        const text = options.markdown === true ? configMarkdown() : JSON.stringify(configEditorSchema(), undefined, 2);
        await new Output().write(`${text}\n`);
      }),
    );
}

export function configEditorSchema(): Record<string, unknown> {
  return editorSchema(CONFIG_SCHEMA, CONFIG_FILE);
}

/** All sections and all kinds of source, each as a table. */
export function configMarkdown(): string {
  const { sources: _, ...sections } = CONFIG_SCHEMA.properties;
  const parts = Object.entries(sections).map(([name, schema]) => section(`\`${name}\``, schema));
  parts.push(section('`sources.NAME` of any type', COMMON_KEYS));
  for (const kind of Object.keys(SOURCE_KINDS) as SourceKind[]) {
    parts.push(section(`\`sources.NAME\` with \`type: ${kind}\``, sourceSchema(kind)));
  }
  return parts.join('\n\n');
}

function section(title: string, schema: TSchema): string {
  return `**${title}**: ${schema.description ?? ''}\n\n${schemaTable(schema)}`;
}
