/**
 * The thread that asks PostgreSQL for one that waits (`blocking-telemetry.ts`). Reads only: the schema must be there.
 */
import { workerData } from 'node:worker_threads';
import { CaissonError, messageOf } from '../../../gateway/errors.ts';
import type { Samples } from '../../../gateway/query/telemetry.ts';
import { PostgresDatabase } from './database.ts';
import { PostgresTelemetry } from './postgres-telemetry.ts';
import { requireSchema } from './schema.ts';
import type {
  FromTelemetryThread,
  NumberedQuestion,
  NumberedReply,
  TelemetryThreadData,
  ToTelemetryThread,
} from './telemetry-messages.ts';

class TelemetryThread {
  readonly #data: TelemetryThreadData;
  readonly #telemetry: PostgresTelemetry;
  readonly #schema: Promise<void>;
  readonly #readings = new Map<number, AsyncIterator<Samples>>();
  readonly #problems: string[] = [];

  constructor(data: TelemetryThreadData) {
    this.#data = data;
    const db = new PostgresDatabase(data.url);
    this.#telemetry = new PostgresTelemetry(db, (text) => this.#problems.push(text));
    this.#schema = requireSchema(db);
    // Told to whoever asks first.
    this.#schema.catch(() => {});
  }

  async take({ number, question }: NumberedQuestion): Promise<void> {
    let reply: FromTelemetryThread;
    try {
      await this.#schema;
      reply = await this.#answer(question);
    } catch (error) {
      const { code, hint } = error instanceof CaissonError ? error : {};
      reply = { kind: 'failed', failure: { code, message: messageOf(error), hint }, problems: this.#takeProblems() };
    }
    this.#say({ number, reply });
  }

  async #answer(message: ToTelemetryThread): Promise<FromTelemetryThread> {
    if (message.kind === 'ask') {
      const { name, each } = message;
      const ask = this.#telemetry[name].bind(this.#telemetry) as (...args: readonly unknown[]) => Promise<unknown>;
      const answers = await Promise.all(each.map((args) => ask(...args)));
      return { kind: 'answers', answers, problems: this.#takeProblems() };
    }
    if (message.kind === 'open') {
      this.#readings.set(message.reading, this.#telemetry.raw(...message.asked));
      return { kind: 'answers', answers: [], problems: this.#takeProblems() };
    }
    if (message.kind === 'next') {
      const next = await this.#readings.get(message.reading)?.next();
      const samples = next === undefined || next.done === true ? undefined : next.value;
      if (samples === undefined) this.#readings.delete(message.reading);
      return { kind: 'piece', samples, problems: this.#takeProblems() };
    }
    await this.#readings.get(message.reading)?.return?.();
    this.#readings.delete(message.reading);
    return { kind: 'answers', answers: [], problems: this.#takeProblems() };
  }

  #takeProblems(): string[] {
    return this.#problems.splice(0);
  }

  #say(reply: NumberedReply): void {
    const { port, replies } = this.#data;
    port.postMessage(reply);
    Atomics.add(replies, 0, 1);
    Atomics.notify(replies, 0);
  }
}

const data = workerData as TelemetryThreadData;
const thread = new TelemetryThread(data);
data.port.on('message', (question: NumberedQuestion) => void thread.take(question));
