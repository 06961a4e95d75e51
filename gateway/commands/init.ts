import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { comment, indent, sampleSection } from '../config/sample.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { CONFIG_FILE } from './config-file.ts';
import { CONFIG_SCHEMA } from './config-schema.ts';
import { conclude, Output } from './outcome.ts';
import { COMMON_KEYS, SOURCE_KINDS, type SourceKind, sourceSchema } from './source-kinds.ts';

export function registerInit(program: Command): void {
  program
    .command('init')
    .argument('[file]', 'where to write it; never over another file', CONFIG_FILE)
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', '\nExamples:\n  caisson init\n  caisson init /etc/caisson/caisson.yaml')
    .action((file: string, options: { json?: boolean }) =>
      conclude(async () => {
        writeNew(file, sampleConfig());
        const said =
          options.json === true ? JSON.stringify({ file }) : `${file} is written; check it: caisson check ${file}`;
        await new Output().write(`${said}\n`);
      }),
    );
}

/** A whole config file: the box itself as a source, every other kind of source behind `#`. */
export function sampleConfig(): string {
  const { sources, ...sections } = CONFIG_SCHEMA.properties;
  const kinds = Object.keys(SOURCE_KINDS) as SourceKind[];
  const lines = [
    '# Config of a Caisson gateway. `caisson check` says whether it fits and what it opens.',
    '# Behind a # without a space stands what may be set; what is set here is what holds without it.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how the file spells an environment variable
    '# Any value may be an environment variable: ${NAME}. A secret may be a file: password_file: PATH.',
  ];
  for (const [name, schema] of Object.entries(sections)) {
    lines.push('', ...sampleSection(name, schema, String(schema.description)));
  }
  lines.push('', `# ${sources.description}`);
  const common = Object.keys(COMMON_KEYS.properties).join(', ');
  lines.push(`# A source of any kind may also have ${common}: \`caisson schema --markdown\` tells what they mean.`);
  const blocks = kinds.map((kind) => {
    const schema = sourceSchema(kind);
    return sampleSection(kind, schema, String(schema.description), !STARTS_WITH.includes(kind));
  });
  const isSet = kinds.some((kind) => STARTS_WITH.includes(kind));
  lines.push(...(isSet ? ['sources:'] : comment(['sources:'])));
  for (const block of blocks) lines.push(...indent(block), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Sources that need nothing but the box. */
const STARTS_WITH: readonly string[] = ['health'];

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new CaissonError('config-unwritable', exists ? `${file} is there already` : messageOf(cause), {
      cause,
      hint: exists ? 'name another file, or move that one away' : 'check the folder and its permissions',
    });
  }
}
