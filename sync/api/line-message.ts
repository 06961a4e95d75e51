import { CaissonError } from '../../gateway/errors.ts';
import type { LineStatus } from '../../gateway/status.ts';
import type { LineStatusMessage } from './status-messages.ts';
import { LINE_STATES } from './wire-names.ts';

export function encodeLine(line: LineStatus): LineStatusMessage {
  return { ...line, state: LINE_STATES.toWire[line.state], windows: line.windows ?? [] };
}

/** Lines as a follower tells them; those in a state that has no word here, such as one of a later version, are left out. */
export function decodeToldLines(messages: readonly LineStatusMessage[]): LineStatus[] {
  return messages.flatMap((message) => {
    try {
      return [decodeLine(message)];
    } catch (error) {
      if (error instanceof CaissonError) return [];
      throw error;
    }
  });
}

/** @throws CaissonError `peer-invalid` */
export function decodeLine({ windows, ...line }: LineStatusMessage): LineStatus {
  return { ...line, state: LINE_STATES.fromWire(line.state), ...(windows.length > 0 && { windows }) };
}
