import { Worker } from 'node:worker_threads';
import { revived } from './errors.ts';
import { THREAD_YOUNG_MIB } from './limits.ts';

/** Back-off between the death of a thread and its next start. A thread that lived longer than the longest starts fresh. */
const RESTART_FIRST_MS = 100;
const RESTART_MAX_MS = 5000;

/** How long a thread may take to stop before it is ended. */
const STOP_TIMEOUT_MS = 10_000;

export interface SupervisedWorkerOptions<FromWorker> {
  /** What the thread is called in messages to people. */
  readonly name: string;
  readonly script: URL;
  /** Asked anew at every start. */
  readonly workerData: () => unknown;
  readonly onMessage: (message: FromWorker) => void;
  /** Told when the thread died before {@link SupervisedWorker.setReady}: it is not started again. */
  readonly onStartFailed: (error: Error) => void;
  /** Told when the thread died and when it was started again. */
  readonly onProblem: (text: string) => void;
  /** The thread has work to finish: asked to stop while it is down, it is started once more. */
  readonly finishesWork?: boolean;
}

/** A thread that is started again, with back-off, when it ends by itself; each time it is said. */
export class SupervisedWorker<ToWorker, FromWorker> {
  readonly #options: SupervisedWorkerOptions<FromWorker>;
  #worker: Worker;
  #restarts = 0;
  #restartMs = RESTART_FIRST_MS;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isReady = false;
  #isDown = false;
  #isStopping = false;
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisedWorkerOptions<FromWorker>) {
    this.#options = options;
    this.#worker = this.#start();
  }

  /** How often the thread was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The thread did what it is for: from now on it is started again when it dies. */
  setReady(): void {
    this.#isReady = true;
  }

  /** A message to a thread that is down is lost: whoever sends says again what matters when the next one reports. */
  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Ends the thread at once, as a crash would; the supervisor starts it again. */
  async crash(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Sends `message`, which asks the thread to end, and waits until it has; ends it by force after a while. */
  stop(message: ToWorker): Promise<void> {
    this.#stopped ??= this.#stop(message);
    return this.#stopped;
  }

  async #stop(message: ToWorker): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    if (this.#isDown) {
      if (!this.#isReady || this.#options.finishesWork !== true) return;
      this.#worker = this.#start();
    }
    const worker = this.#worker;
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    worker.postMessage(message);
    const force = setTimeout(() => {
      this.#options.onProblem(`${this.#options.name} did not stop within ${STOP_TIMEOUT_MS / 1e3} s and was ended`);
      void worker.terminate();
    }, STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(force);
  }

  #start(): Worker {
    const { name, script, workerData, onMessage } = this.#options;
    const worker = new Worker(script, {
      name,
      workerData: workerData(),
      resourceLimits: { maxYoungGenerationSizeMb: THREAD_YOUNG_MIB },
    });
    this.#isDown = false;
    let failure: Error | undefined;
    worker.on('message', onMessage);
    worker.on('error', (error) => {
      failure = revived(error);
    });
    worker.on('exit', () => this.#onExit(failure));
    this.#startedAt = performance.now();
    return worker;
  }

  #onExit(failure: Error | undefined): void {
    this.#isDown = true;
    const { name, onProblem, onStartFailed } = this.#options;
    const reason = failure ?? new Error('it ended by itself');
    if (this.#isStopping) {
      if (failure !== undefined) onProblem(`the ${name} thread died while it stopped: ${reason.message}`);
      return;
    }
    if (!this.#isReady) {
      this.#isStopping = true;
      onStartFailed(reason);
      return;
    }
    if (performance.now() - this.#startedAt > RESTART_MAX_MS) this.#restartMs = RESTART_FIRST_MS;
    const wait = this.#restartMs;
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MAX_MS);
    onProblem(`the ${name} thread died: ${reason.message}; starting it again in ${wait} ms`);
    this.#timer = setTimeout(() => {
      this.#restarts += 1;
      this.#worker = this.#start();
    }, wait);
  }
}
