import { CaissonError } from '../../gateway/errors.ts';

/** Characters of names in one message, about: far below what servers of NATS take by default. */
const CHARACTERS_MAX = 256 * 1024;

/** What a process says that it watches of a gateway (FORMAT.md, 6). */
export interface WantedWord {
  readonly gateway: string;
  readonly channels: readonly string[];
  /** Which of the messages that say all of it together. */
  readonly part: number;
}

/** At least one, since nothing is to be said too. */
export function wantedWords(gateway: string, channels: readonly string[]): Uint8Array[] {
  const parts: string[][] = [[]];
  let characters = 0;
  for (const channel of channels) {
    characters += channel.length;
    if (characters > CHARACTERS_MAX) {
      parts.push([]);
      characters = channel.length;
    }
    parts.at(-1)?.push(channel);
  }
  return parts.map((part, index) => {
    return Buffer.from(JSON.stringify({ gateway, channels: part, part: index } satisfies WantedWord));
  });
}

/** @throws CaissonError `peer-invalid`; SyntaxError for what is no JSON */
export function parseWantedWord(payload: Uint8Array): WantedWord {
  const said: unknown = JSON.parse(Buffer.from(payload).toString());
  const { gateway, channels, part } = (said ?? {}) as { gateway?: unknown; channels?: unknown; part?: unknown };
  const isWord = typeof gateway === 'string' && Array.isArray(channels) && Number.isSafeInteger(part);
  if (isWord && channels.every((each) => typeof each === 'string')) return { gateway, channels, part: Number(part) };
  throw new CaissonError('peer-invalid', 'a word of what is wanted that is none');
}
