import { EXTENDED_ID_MAX, STANDARD_ID_MAX } from '../../../hardware/can/can-frame.ts';
import { DBC_ORPHANS_ID, type DbcMessage, type DbcSignal, type Presence } from './dbc.ts';
import { endBit, type MessageDraft, type SignalDraft } from './parse-message.ts';
import type { DbcScanner } from './scanner.ts';

/** What is known of a message once the whole file is read: long names, cycle time, who selects whom. */
export function finishMessage(
  draft: MessageDraft,
  defaults: ReadonlyMap<string, string | number>,
  scanner: DbcScanner,
  note: (line: number, text: string) => void,
): DbcMessage {
  const { id, extended, length, comment, line } = draft;
  if (id > (extended ? EXTENDED_ID_MAX : STANDARD_ID_MAX) && draft.key !== DBC_ORPHANS_ID) {
    note(line, `message ${draft.name}: no frame can have the identifier ${draft.key}`);
  }
  const names = longNames(draft);
  const signals = draft.signals.map((signal): DbcSignal => {
    if (endBit(signal) > length * 8 && draft.key !== DBC_ORPHANS_ID) {
      note(signal.line, `signal ${signal.name} reaches beyond the ${length} bytes of message ${draft.name}`);
    }
    const presence = presenceOf(signal, draft, scanner);
    const { selectedBy: _selectedBy, attributes: _attributes, ...rest } = signal;
    return {
      ...rest,
      name: names.get(signal.name) ?? signal.name,
      labels: inRange(signal),
      presence: presence && { ...presence, selector: names.get(presence.selector) ?? presence.selector },
    };
  });
  refuseCircles(signals, scanner);
  const name = text(draft.attributes.get('SystemMessageLongSymbol')) ?? draft.name;
  return { id, extended, name, length, signals, comment, cycleMs: cycleTime(draft, defaults), line };
}

/** Long names of signals by short name. A long name that would make two signals the same is not taken. */
function longNames(draft: MessageDraft): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set(draft.signals.map((signal) => signal.name));
  for (const signal of draft.signals) {
    const long = text(signal.attributes.get('SystemSignalLongSymbol'));
    if (long === undefined || taken.has(long)) continue;
    names.set(signal.name, long);
    taken.add(long);
  }
  return names;
}

function cycleTime(draft: MessageDraft, defaults: ReadonlyMap<string, string | number>): number | undefined {
  const value = Number(draft.attributes.get('GenMsgCycleTime') ?? defaults.get('GenMsgCycleTime'));
  return value > 0 ? value : undefined;
}

/** Files name values of signed signals by their bits now and then: 255 for the -1 of 8 bits. */
function inRange(signal: SignalDraft): ReadonlyMap<number, string> {
  if (!signal.signed || signal.encoding !== 'integer') return signal.labels;
  const labels = new Map<number, string>();
  for (const [value, label] of signal.labels) {
    const wrapped =
      value >= 2 ** (signal.length - 1) && value < 2 ** signal.length ? value - 2 ** signal.length : value;
    labels.set(wrapped === value || signal.labels.has(wrapped) ? value : wrapped, label);
  }
  return labels;
}

function presenceOf(signal: SignalDraft, message: MessageDraft, scanner: DbcScanner): Presence | undefined {
  if (signal.presence !== undefined) {
    const { selector } = signal.presence;
    if (!message.signals.some((other) => other.name === selector)) {
      scanner.refuse(
        signal.line,
        `signal ${signal.name} is selected by ${selector}, which message ${message.name} does not have`,
      );
    }
    return signal.presence;
  }
  if (signal.selectedBy === undefined) return undefined;
  const selectors = message.signals.filter((other) => other.isSelector && other.selectedBy === undefined);
  const selector = selectors[0];
  if (selector === undefined || selectors.length > 1) {
    const found = selectors.length === 0 ? 'no multiplexor' : `${selectors.length} multiplexors`;
    scanner.refuse(signal.line, `signal ${signal.name} is multiplexed and message ${message.name} has ${found}`);
  }
  return { selector: selector.name, ranges: [[signal.selectedBy, signal.selectedBy]] };
}

/** A selector that depends on itself would never be there. */
function refuseCircles(signals: readonly DbcSignal[], scanner: DbcScanner): void {
  const byName = new Map(signals.map((signal) => [signal.name, signal]));
  for (const signal of signals) {
    let above = signal.presence === undefined ? undefined : byName.get(signal.presence.selector);
    for (let steps = 0; above !== undefined; steps++) {
      if (steps > signals.length) scanner.refuse(signal.line, `signal ${signal.name} is selected by itself`);
      above = above.presence === undefined ? undefined : byName.get(above.presence.selector);
    }
  }
}

function text(value: string | number | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
