import { type Static, Type } from '@sinclair/typebox';
import { DEFAULT_TEMPLATE } from './channel-template.ts';

const PrecisionSchema = Type.Union(
  [Type.Literal('ns'), Type.Literal('us'), Type.Literal('ms'), Type.Literal('s'), Type.Literal('m'), Type.Literal('h')],
  { default: 'ns', description: 'unit of the timestamps, where the sender does not say' },
);

const TemplateSchema = Type.String({
  minLength: 1,
  default: DEFAULT_TEMPLATE,
  description:
    'channel name; `{measurement}`, `{field}`, `{tag.NAME}` the value of one tag, `{tags}` the others as `key=value`, ' +
    '`{values}` their values alone',
  examples: ['{tag.host}/{measurement}/{field}'],
});

/** How lines become samples: part of the config of every source that takes line protocol. */
export const LINE_KEYS = { precision: Type.Optional(PrecisionSchema), channel: Type.Optional(TemplateSchema) } as const;

/** {@link LINE_KEYS} as a section of its own. */
export const LineConfig = Type.Object(LINE_KEYS, {
  additionalProperties: false,
  default: {},
  description: 'how line protocol is read; only for `payload: line`',
});

/** The section with every default filled in. */
export type LineSettings = Required<Static<typeof LineConfig>>;
