import { CHASSIS_MESSAGES } from './can-chassis.ts';
import { type CanLayout, layOut } from './can-layout.ts';
import { POWERTRAIN_MESSAGES } from './can-powertrain.ts';
import type { CanMessage } from './can-table.ts';
import { rangeOf } from './can-table.ts';

/** The two CAN buses of a car. */
export const CAN_BUSES = ['powertrain', 'chassis'] as const;
export type CanBusName = (typeof CAN_BUSES)[number];

/** Bit rate of both, bit/s. */
export const CAN_BITRATE = 1_000_000;

/** What is sent on a bus. */
export const CAN_MESSAGES: Readonly<Record<CanBusName, readonly CanMessage[]>> = {
  powertrain: POWERTRAIN_MESSAGES,
  chassis: CHASSIS_MESSAGES,
};

/** Description of a bus in the DBC format, from the same table that the frames are packed by. */
export function carDbc(bus: CanBusName): string {
  const layouts = CAN_MESSAGES[bus].map(layOut);
  const nodes = [...new Set(CAN_MESSAGES[bus].map((message) => message.node))];
  return [
    'VERSION ""',
    '',
    'NS_ :',
    '',
    'BS_:',
    '',
    `BU_: ${nodes.join(' ')}`,
    '',
    ...layouts.flatMap(messageLines),
    `CM_ "${bus} bus of the simulated car";`,
    'BA_DEF_ BO_ "GenMsgCycleTime" FLOAT 0 100000;',
    'BA_DEF_DEF_ "GenMsgCycleTime" 0;',
    ...layouts.map(({ message }) => `BA_ "GenMsgCycleTime" BO_ ${message.id} ${1000 / message.rateHz};`),
    ...layouts.flatMap(labelLines),
    ...layouts.flatMap(floatLines),
    '',
  ].join('\n');
}

function messageLines({ message, bytes, multiplexer, signals }: CanLayout): string[] {
  const order = message.byteOrder === 'intel' ? 1 : 0;
  const lines = [`BO_ ${message.id} ${message.name}: ${bytes} ${message.node}`];
  if (multiplexer !== undefined && message.multiplexer !== undefined) {
    const { name, bits, pages } = message.multiplexer;
    lines.push(` SG_ ${name} M : ${multiplexer.startBit}|${bits}@${order}+ (1,0) [0|${pages - 1}] "" Vector__XXX`);
  }
  for (const { signal, startBit } of signals) {
    const page = signal.page === undefined ? '' : ` m${signal.page}`;
    const sign = signal.signed ? '-' : '+';
    const { least, greatest } = rangeOf(signal);
    lines.push(
      ` SG_ ${signal.name}${page} : ${startBit}|${signal.bits}@${order}${sign} (${signal.gain},${signal.offset})` +
        ` [${least}|${greatest}] "${signal.unit}" Vector__XXX`,
    );
  }
  return [...lines, ''];
}

function labelLines({ message, signals }: CanLayout): string[] {
  return signals.flatMap(({ signal }) => {
    if (signal.labels === undefined) return [];
    const labels = Object.entries(signal.labels).map(([value, label]) => `${value} "${label}"`);
    return [`VAL_ ${message.id} ${signal.name} ${labels.join(' ')} ;`];
  });
}

function floatLines({ message, signals }: CanLayout): string[] {
  return signals
    .filter(({ signal }) => signal.float)
    .map(({ signal }) => `SIG_VALTYPE_ ${message.id} ${signal.name} : 1;`);
}
