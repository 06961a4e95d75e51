/** What is published of a gateway, each under a subject of its own (FORMAT.md). */
export type Topic = 'samples' | 'events' | 'now' | 'wanted' | 'places';

/** Topics that a stream keeps. */
export type StreamTopic = 'samples' | 'events' | 'places';

/** The subjects and streams of one central, the same for all of its processes. */
export class NatsSubjects {
  readonly #central: string;

  constructor(central: string) {
    this.#central = subjectToken(central);
  }

  of(topic: Exclude<Topic, 'events'>, gateway: string): string {
    return `caisson.${this.#central}.${topic}.${subjectToken(gateway)}`;
  }

  event(gateway: string, kind: string): string {
    return `caisson.${this.#central}.events.${subjectToken(gateway)}.${kind}`;
  }

  /** Of a stream: everything of a topic. */
  all(topic: Topic): string {
    return `caisson.${this.#central}.${topic}.>`;
  }

  stream(topic: StreamTopic): string {
    return `caisson-${this.#central}-${topic}`;
  }
}

/** A name as one token of a subject: whatever is no letter, digit, `-` or `_` as `=` and two hex digits a byte. */
export function subjectToken(name: string): string {
  return [...Buffer.from(name)].map((byte) => TOKENS[byte]).join('');
}

const TOKENS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(letter) ? letter : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});
