import { type ConfigAnswer, OFFER_STATES } from '../../gateway/config/offer/offer.ts';
import { CaissonError } from '../../gateway/errors.ts';
import { ATTENTIONS, type BoxLine, type Fleet, type FleetBox, LINE_KINDS, LINE_STATES } from '../../gateway/fleet.ts';
import type {
  BoxLineMessage,
  BoxMessage,
  ConfigAnswerMessage,
  ListBoxesResponseMessage,
} from '../api/fleet-messages.ts';
import { present } from '../api/wire-names.ts';

/** A fleet as the other end told it. @throws CaissonError `peer-invalid` */
export function decodeFleet({ central, now, boxes }: ListBoxesResponseMessage): Fleet {
  return { central, now, boxes: boxes.map(decodeBox) };
}

/** What a box said of its config. @throws CaissonError `peer-invalid` */
export function decodeConfigAnswer(message: ConfigAnswerMessage): ConfigAnswer {
  return { ...message, state: oneOf(OFFER_STATES, message.state) };
}

function decodeBox({ line, withheld, ...box }: BoxMessage): FleetBox {
  return {
    ...box,
    attention: oneOf(ATTENTIONS, box.attention),
    line: decodeLine(present(line, 'line of a box')),
    ...(Object.keys(withheld).length > 0 && { withheld: { ...withheld } }),
  };
}

function decodeLine({ kind, ...line }: BoxLineMessage): BoxLine {
  return {
    ...line,
    state: oneOf(LINE_STATES, line.state),
    ...(kind !== undefined && { kind: oneOf(LINE_KINDS, kind) }),
  };
}

function oneOf<Word extends string>(words: readonly Word[], text: string): Word {
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  throw new CaissonError('peer-invalid', `the other end sent '${text}', expected one of ${words.join(', ')}`);
}
