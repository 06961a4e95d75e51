import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { CaissonError } from '../../gateway/errors.ts';
import { TABLES } from './pdu.ts';
import { VALUE_TYPES } from './registers.ts';

/** Units of a source, and points of a unit. */
export const UNITS_MAX = 247;
export const POINTS_MAX = 4096;

const Rtu = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      description: 'device of an RS-485 or RS-232 line; best by its id, which survives another USB socket',
      examples: ['/dev/serial/by-id/usb-FTDI_USB-RS485_Cable-if00-port0'],
    }),
    baudRate: Type.Optional(
      Type.Integer({
        minimum: 50,
        maximum: 4_000_000,
        default: 19_200,
        description: 'speed of the line, bits a second',
      }),
    ),
    parity: Type.Optional(
      Type.Union([Type.Literal('none'), Type.Literal('even'), Type.Literal('odd')], {
        default: 'even',
        description: 'parity bit',
      }),
    ),
    stopBits: Type.Optional(
      Type.Union([Type.Literal(1), Type.Literal(2)], {
        default: 1,
        description: 'stop bits of a byte; the standard wants 2 without parity',
      }),
    ),
  },
  { additionalProperties: false, description: 'Modbus RTU over a serial line' },
);

const Tcp = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      description: 'name or address of the device or gateway',
      examples: ['10.0.0.20'],
    }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, default: 502, description: 'its TCP port' })),
    framing: Type.Optional(
      Type.Union([Type.Literal('tcp'), Type.Literal('rtu')], {
        default: 'tcp',
        description: '`rtu` for serial servers that pass RTU frames through as they are',
      }),
    ),
  },
  { additionalProperties: false, description: 'Modbus TCP' },
);

const literals = <Names extends string>(names: readonly Names[]) => names.map((name) => Type.Literal(name));

const Point = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'path of the channel below the unit', examples: ['flow/rate'] }),
    table: Type.Optional(
      Type.Union(literals(Object.keys(TABLES) as (keyof typeof TABLES)[]), {
        default: 'holding',
        description: 'where it stands: coils and discrete inputs are bits, input and holding registers 16 bits each',
      }),
    ),
    address: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'as on the wire, from 0: what data sheets call 40001 is `holding` 0, 30001 `input` 0',
    }),
    type: Type.Optional(
      Type.Union(literals(Object.keys(VALUE_TYPES) as (keyof typeof VALUE_TYPES)[]), {
        default: 'u16',
        description: 'how registers make a number; means nothing for bits',
      }),
    ),
    order: Type.Optional(
      Type.Union(literals(['ABCD', 'CDAB', 'BADC', 'DCBA'] as const), {
        default: 'ABCD',
        description: 'order of bytes: `CDAB` least significant register first, `BADC` bytes of each register swapped',
      }),
    ),
    bit: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 15,
        description: 'the bit of a u16 where it begins, 0 the least significant',
      }),
    ),
    bits: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 16, default: 1, description: 'bits from there on; one is a bool' }),
    ),
    scale: Type.Optional(Type.Number({ default: 1, description: 'value = number x scale + offset' })),
    offset: Type.Optional(Type.Number({ default: 0, description: 'see scale' })),
    absent: Type.Optional(
      Type.Number({
        description: 'number, before scaling, by which the device says that it has no value',
        examples: [32_768],
      }),
    ),
    unit: Type.Optional(Type.String({ default: '', description: 'unit of the value', examples: ['m3/h'] })),
    decimals: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 12, description: 'digits behind the point that mean something' }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'words for values: the channel is an enum',
        examples: [{ '0': 'stopped', '1': 'running' }],
      }),
    ),
    description: Type.Optional(Type.String({ description: 'what it is' })),
  },
  { additionalProperties: false, description: 'one value of a unit' },
);

const Unit = Type.Object(
  {
    unit: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 255, default: 1, description: 'address of the unit (slave id)' }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'part of channel names behind the prefix; without it, nothing',
        examples: ['pump1'],
      }),
    ),
    everyMs: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 86_400_000,
        default: 1000,
        description: 'time between two reads of a point, ms',
      }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 60_000,
        default: 1000,
        description: 'time that the unit has to answer, ms',
      }),
    ),
    gapMax: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 0,
        description: 'registers or bits between two points that may be read with them, to save a request',
      }),
    ),
    points: Type.Array(Point, { minItems: 1, maxItems: POINTS_MAX, description: 'what is read' }),
  },
  { additionalProperties: false, description: 'a device on the line' },
);

/** Section `modbus` of a source: registers and bits that are read again and again. */
export const ModbusConfig = Type.Object(
  {
    port: Type.Union([Tcp, Rtu], { description: 'where the units are reached' }),
    prefix: Type.Optional(
      Type.String({ minLength: 1, description: 'first part of channel names; without it, the name of the source' }),
    ),
    units: Type.Array(Unit, { minItems: 1, maxItems: UNITS_MAX, description: 'the devices on the line' }),
  },
  { additionalProperties: false, description: 'Modbus RTU over a serial line, and Modbus TCP' },
);

/** The section as it may be written. */
export type ModbusConfig = Static<typeof ModbusConfig>;

type Filled<Section, Optional extends keyof Section> = Required<Omit<Section, Optional>> & Pick<Section, Optional>;

export type PointSettings = Filled<Static<typeof Point>, 'bit' | 'absent' | 'decimals' | 'labels' | 'description'>;

export type UnitSettings = Filled<Omit<Static<typeof Unit>, 'points'>, 'name'> & {
  readonly points: readonly PointSettings[];
};

/** The section with every default filled in. */
export interface ModbusSettings {
  readonly port: Required<Static<typeof Tcp>> | Required<Static<typeof Rtu>>;
  readonly prefix?: string;
  readonly units: readonly UnitSettings[];
}

/** Fills in the defaults of a section that fits {@link ModbusConfig}. */
export function modbusSettings(config: ModbusConfig): ModbusSettings {
  return Value.Default(ModbusConfig, structuredClone(config)) as ModbusSettings;
}

/**
 * What a schema cannot say of a section.
 * @throws CaissonError `config-invalid`
 */
export function checkModbus({ units }: ModbusSettings): void {
  const names = new Set<string>();
  for (const { name, points } of units) {
    for (const point of points) {
      const path = `${name ?? ''}/${point.name}`;
      if (names.has(path)) refuse(`two points are ${JSON.stringify(path)}`, 'give units or points names of their own');
      names.add(path);
      checkPoint(point);
    }
  }
}

function checkPoint({ name, table, address, type, bit, bits, scale }: PointSettings): void {
  const { isBits } = TABLES[table];
  const registers = isBits ? 1 : VALUE_TYPES[type];
  if (address + registers > 65_536) refuse(`point ${name}: a ${type} does not fit at address ${address}`);
  if (scale === 0) refuse(`point ${name}: scale 0 makes every value the same`);
  if (bit === undefined) return;
  if (isBits || type !== 'u16') refuse(`point ${name}: bit means nothing in ${isBits ? table : type}, expected a u16`);
  if (bit + bits > 16) refuse(`point ${name}: ${bits} bits from bit ${bit} on are more than a register has`);
}

function refuse(problem: string, hint?: string): never {
  throw new CaissonError('config-invalid', problem, hint === undefined ? {} : { hint });
}
