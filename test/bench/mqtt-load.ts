import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadOrder } from './mqtt-load-process.ts';
import { cpuSeconds } from './process-usage.ts';

const SCRIPT = join(import.meta.dirname, 'mqtt-load-process.js');

/** What a broker did in one run; times in seconds. */
export interface LoadResult {
  readonly messages: number;
  readonly wall: number;
  /** CPU of the broker's process, all threads. */
  readonly cpu: number;
  /** CPU of the process that publishes. */
  readonly loadCpu: number;
}

/** Clients in a process of their own that publish to one broker. */
export class MqttLoad {
  readonly #child: ChildProcess;
  readonly #order: LoadOrder;
  readonly #ended: Promise<never>;
  /** Messages published, all clients. */
  sent = 0;

  private constructor(child: ChildProcess, order: LoadOrder) {
    this.#child = child;
    this.#order = order;
    this.#ended = once(child, 'close').then(([code, signal]) => {
      throw new Error(`the process that publishes ended (${signal ?? code})`);
    });
    this.#ended.catch(() => {});
  }

  /** Connects every client. */
  static async start(order: LoadOrder): Promise<MqttLoad> {
    const load = new MqttLoad(fork(SCRIPT), order);
    await load.#ask(order);
    return load;
  }

  /** Every client goes through its lap `laps` times; `pid` is the broker's. */
  async run(pid: number, laps: number): Promise<LoadResult> {
    const each = laps * this.#order.lap.length;
    const before = cpuSeconds(pid);
    const started = performance.now();
    const loadCpu = await this.#ask(each);
    const wall = (performance.now() - started) / 1e3;
    const messages = each * this.#order.clients;
    this.sent += messages;
    return { messages, wall, cpu: cpuSeconds(pid) - before, loadCpu };
  }

  stop(): void {
    this.#child.kill();
  }

  async #ask(question: LoadOrder | number): Promise<number> {
    const answer = once(this.#child, 'message') as Promise<[number]>;
    this.#child.send(question);
    const [found] = await Promise.race([answer, this.#ended]);
    return found;
  }
}
