import { type Static, Type } from '@sinclair/typebox';
import { CaissonError } from '../../../gateway/errors.ts';
import { CHECK_NAMES, checkBytes } from './check.ts';

/** Bytes of a frame as it stands on the wire. */
export const FRAME_BYTES_MAX = 4096;

/** Bytes of each type of field. */
export const FIELD_TYPES = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8 } as const;

const literals = <Names extends string>(names: readonly Names[]) => names.map((name) => Type.Literal(name));

const Endian = Type.Union([Type.Literal('little'), Type.Literal('big')], {
  default: 'little',
  description: 'order of the bytes of a number: least significant first, or most',
});

const Field = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'path of the channel below the prefix', examples: ['motor/speed'] }),
    at: Type.Integer({
      minimum: 0,
      maximum: FRAME_BYTES_MAX - 1,
      description: 'first byte, counted from that of the frame',
    }),
    type: Type.Optional(
      Type.Union(literals(Object.keys(FIELD_TYPES) as (keyof typeof FIELD_TYPES)[]), {
        default: 'u8',
        description: 'number that stands there; integers of 64 bits are exact up to 2^53',
      }),
    ),
    endian: Type.Optional(Endian),
    bit: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 31, description: 'the bit of it where it begins, 0 the least significant' }),
    ),
    bits: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 32, default: 1, description: 'bits from there on; one is a bool' }),
    ),
    scale: Type.Optional(Type.Number({ default: 1, description: 'value = number x scale + offset' })),
    offset: Type.Optional(Type.Number({ default: 0, description: 'see scale' })),
    absent: Type.Optional(
      Type.Number({ description: 'number, before scaling, that stands for no value', examples: [65_535] }),
    ),
    unit: Type.Optional(Type.String({ default: '', description: 'unit of the value', examples: ['rpm'] })),
    decimals: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 12, description: 'digits behind the point that mean something' }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'words for values: the channel is an enum' }),
    ),
    description: Type.Optional(Type.String({ description: 'what it is' })),
  },
  { additionalProperties: false, description: 'one value of a frame' },
);

const Message = Type.Object(
  {
    when: Type.Optional(
      Type.Object(
        {
          at: Type.Integer({ minimum: 0, maximum: FRAME_BYTES_MAX - 1, description: 'a byte of the frame' }),
          is: Type.Integer({ minimum: 0, maximum: 255, description: 'what it must be' }),
        },
        {
          additionalProperties: false,
          description: 'which frames are this message; without it, all that are no message before',
        },
      ),
    ),
    fields: Type.Array(Field, { minItems: 1, maxItems: 512, description: 'what it holds' }),
  },
  { additionalProperties: false, description: 'one kind of frame' },
);

/** Key `frame` of a serial source: what binary frames look like. */
export const FrameConfig = Type.Object(
  {
    framing: Type.Union([Type.Literal('cobs'), Type.Literal('slip'), Type.Literal('sync')], {
      description: 'how frames are told apart: COBS with zeros between, SLIP (RFC 1055), or known first bytes',
    }),
    sync: Type.Optional(
      Type.String({
        pattern: '^([0-9A-Fa-f]{2}){1,8}$',
        'x-pattern': '1 to 8 bytes in hex, as aa55',
        description: 'with `sync`: the bytes that every frame begins with',
        examples: ['aa55'],
      }),
    ),
    bytes: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: FRAME_BYTES_MAX,
        description: 'with `sync`: bytes of every frame, sync and check included',
      }),
    ),
    length: Type.Optional(
      Type.Object(
        {
          at: Type.Integer({
            minimum: 0,
            maximum: 64,
            description: 'byte of the frame, sync included, where its length stands',
          }),
          type: Type.Optional(
            Type.Union([Type.Literal('u8'), Type.Literal('u16')], { default: 'u8', description: 'number there' }),
          ),
          endian: Type.Optional(Endian),
          plus: Type.Optional(
            Type.Integer({
              minimum: -64,
              maximum: 64,
              default: 0,
              description: 'bytes that a frame has more than it says, such as sync, length and check',
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'with `sync`, in place of `bytes`: where a frame says how long it is',
        },
      ),
    ),
    check: Type.Optional(
      Type.Object(
        {
          type: Type.Union(literals(CHECK_NAMES), { description: 'CRC by its usual name, or sum or XOR of bytes' }),
          endian: Type.Optional(Endian),
          from: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 64,
              default: 0,
              description: 'first byte of the frame that it is taken over',
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'what the last bytes of a frame are, taken over all before; without it, nothing is checked',
        },
      ),
    ),
    messages: Type.Array(Message, {
      minItems: 1,
      maxItems: 256,
      description: 'what frames hold; the first that fits counts',
    }),
  },
  { additionalProperties: false, description: 'with `protocol: framed`: what frames look like' },
);

type Filled<Section, Optional extends keyof Section> = Required<Omit<Section, Optional>> & Pick<Section, Optional>;

export type FieldSettings = Filled<Static<typeof Field>, 'bit' | 'absent' | 'decimals' | 'labels' | 'description'>;

/** The key with every default filled in. */
export interface FrameSettings {
  readonly framing: 'cobs' | 'slip' | 'sync';
  readonly sync?: string;
  readonly bytes?: number;
  readonly length?: Required<NonNullable<Static<typeof FrameConfig>['length']>>;
  readonly check?: Required<NonNullable<Static<typeof FrameConfig>['check']>>;
  readonly messages: readonly {
    readonly when?: { readonly at: number; readonly is: number };
    readonly fields: readonly FieldSettings[];
  }[];
}

/**
 * What a schema cannot say.
 * @throws CaissonError `config-invalid`
 */
export function checkFrame({ framing, sync, bytes, length, check, messages }: FrameSettings): void {
  if (framing !== 'sync') {
    for (const [key, value] of Object.entries({ sync, bytes, length })) {
      if (value !== undefined) refuse(`frame.${key} means nothing with framing: ${framing}`);
    }
  } else if (sync === undefined) {
    refuse('framing: sync needs frame.sync, the bytes that every frame begins with');
  } else if ((bytes === undefined) === (length === undefined)) {
    refuse('framing: sync needs either frame.bytes or frame.length');
  } else if (bytes !== undefined && bytes < sync.length / 2 + (check === undefined ? 1 : checkBytes(check.type))) {
    refuse(`frame.bytes: ${bytes} have no room for sync and check`);
  }
  for (const { fields } of messages) {
    for (const { name, type, bit, bits, scale } of fields) {
      if (scale === 0) refuse(`field ${name}: scale 0 makes every value the same`);
      if (bit === undefined) continue;
      const isInteger = type.startsWith('u') && FIELD_TYPES[type] <= 4;
      if (!isInteger) refuse(`field ${name}: bit means nothing in ${type}, expected u8, u16 or u32`);
      if (bit + bits > 8 * FIELD_TYPES[type])
        refuse(`field ${name}: ${bits} bits from bit ${bit} on are more than a ${type} has`);
    }
  }
}

function refuse(problem: string): never {
  throw new CaissonError('config-invalid', problem);
}
