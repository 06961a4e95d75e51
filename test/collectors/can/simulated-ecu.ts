/** Sends a frame of eight bytes. */
export type SendReply = (id: number, data: Uint8Array) => void;

/** What a unit answers to a request, both as hex without lengths; several answers come one after the other. */
export type Answers = Readonly<Record<string, readonly string[]>>;

const REQUEST_TO_ALL = 0x7df;
const FRAME_BYTES = 8;

/**
 * A control unit of a car that speaks OBD-II over ISO-TP: it answers requests to all and to itself, a long answer only as far as
 * its tester allows, and a request that comes before its answer is through it ignores, as real ones do.
 */
export class SimulatedEcu {
  /** Requests that came while it was answering. */
  interrupted = 0;
  readonly #id: number;
  readonly #answers: Answers;
  readonly #send: SendReply;
  /** Frames of a long answer that wait for the tester's leave. */
  #waiting: Uint8Array[] = [];

  /** @param id identifier that it is asked with, such as 7E0; it answers with the one 8 above */
  constructor(id: number, answers: Answers, send: SendReply) {
    this.#id = id;
    this.#answers = answers;
    this.#send = send;
  }

  receive(id: number, data: Uint8Array): void {
    if (id !== this.#id && id !== REQUEST_TO_ALL) return;
    const head = data[0] ?? 0;
    if (head === 0x30 && id === this.#id) this.#goOn();
    if (head >> 4 !== 0) return;
    if (this.#waiting.length > 0) {
      this.interrupted += 1;
      return;
    }
    const request = Buffer.from(data.subarray(1, 1 + head))
      .toString('hex')
      .toUpperCase();
    for (const answer of this.#answers[request] ?? []) this.#answer(Buffer.from(answer, 'hex'));
  }

  /** Sends one frame of the rest of a long answer at a time, so that others come between. */
  #goOn(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    for (const frame of frames) this.#send(this.#id + 8, frame);
  }

  #answer(message: Uint8Array): void {
    if (message.length < FRAME_BYTES) {
      this.#send(this.#id + 8, framed([message.length, ...message]));
      return;
    }
    const first = framed([0x10 | (message.length >> 8), message.length & 0xff, ...message.subarray(0, 6)]);
    for (let at = 6, n = 1; at < message.length; at += 7, n += 1) {
      this.#waiting.push(framed([0x20 | (n & 15), ...message.subarray(at, at + 7)]));
    }
    this.#send(this.#id + 8, first);
  }
}

function framed(bytes: readonly number[]): Uint8Array {
  const data = new Uint8Array(FRAME_BYTES);
  data.set(bytes);
  return data;
}
