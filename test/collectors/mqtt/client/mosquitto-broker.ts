import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from '../../../free-port.ts';
import { waitFor } from '../../../wait-for.ts';

/** Where Debian puts it, which is not in the path of every user. */
const MOSQUITTO_PATH = '/usr/sbin:/usr/local/sbin';

/** A mosquitto of its own on a free port of loopback, which ends with the test and can be ended and started before. */
export class MosquittoBroker {
  readonly port: number;
  readonly folder: string;
  #child: ChildProcess | undefined;
  #log = '';

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
  }

  /**
   * @param lines of its config file beside port and persistence; `{folder}` is its folder
   * @param prepare puts files that they name there
   */
  static async start(
    t: Test,
    lines: readonly string[] = [],
    prepare: (folder: string) => void = () => {},
  ): Promise<MosquittoBroker> {
    const broker = new MosquittoBroker(await freePort(), mkdtempSync(join(tmpdir(), 'caisson-mosquitto-')));
    const { port, folder } = broker;
    t.teardown(async () => {
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    const config = [
      `listener ${port} 127.0.0.1`,
      'user root',
      'persistence true',
      `persistence_location ${folder}/`,
      'log_type all',
      'max_queued_messages 100000',
      ...(lines.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
      ...lines.map((line) => line.replaceAll('{folder}', folder)),
    ];
    writeFileSync(join(folder, 'mosquitto.conf'), `${config.join('\n')}\n`);
    prepare(folder);
    await broker.start();
    return broker;
  }

  /** What it has logged. */
  get log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const child = spawn('mosquitto', ['-c', join(this.folder, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:${MOSQUITTO_PATH}` },
    });
    this.#child = child;
    child.stderr.on('data', (chunk: Uint8Array) => {
      this.#log += String(chunk);
    });
    let isOpen = false;
    const knock = () => {
      const socket = connect(this.port, '127.0.0.1');
      socket.on('connect', () => {
        isOpen = true;
        socket.destroy();
      });
      socket.on('error', () => setTimeout(knock, 10));
    };
    knock();
    await waitFor(`mosquitto to listen, which says ${this.#log}`, () => isOpen || child.exitCode !== null);
    if (!isOpen) throw new Error(`mosquitto ended at its start: ${this.#log}`);
  }

  /** Ends it; SIGKILL as a crash would. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
