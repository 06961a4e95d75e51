import { setTimeout as pause } from 'node:timers/promises';
import { createChannelFreshness } from '../channel-freshness.ts';
import { BoxClock } from '../clock.ts';
import type { SystemClock } from '../clock-keeper.ts';
import { CaissonError } from '../errors.ts';
import type { GatewayStatus } from '../status.ts';
import { STORE_NOTHING_YET, StoreHost } from '../store-host.ts';
import type { CaissonConfig } from './config-schema.ts';
import { type ServeWorker, startServe } from './serve-host.ts';

/** Back-off between two tries to open the store. */
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 10_000;

const STATUS_INTERVAL_MS = 1000;

export interface StoreOpeningOptions {
  readonly version: string;
  /** Folder of the built web app. */
  readonly webRoot: string;
  /** Told what a person should know, as it happens. */
  readonly onProblem: (text: string) => void;
  /** How far the system's clock is in step now. */
  readonly systemClock: () => SystemClock;
  /** Ends the waiting for a store that cannot be opened. */
  readonly signal?: AbortSignal;
}

/** An open store, and where the dashboard was shown before it was open. */
export interface OpenedStore {
  readonly store: StoreHost;
  readonly httpPort: number | undefined;
}

/**
 * Opens the store. While it cannot be opened for want of a disk that works and has room, the gateway stays: its dashboard
 * says why, and the store is tried again, with back-off, until it opens. So it does while a damaged store is made anew.
 * @throws CaissonError for what trying again does not change; the reason of `signal`
 */
export async function openStore(config: CaissonConfig, options: StoreOpeningOptions): Promise<OpenedStore> {
  const { onProblem, signal, systemClock } = options;
  let opening: Promise<WaitingRoom> | undefined;
  const say = (text: string) => {
    onProblem(text);
    opening ??= WaitingRoom.open(config, options);
    // Whoever awaits it hears why it cannot be.
    opening.then((room) => room.say(text)).catch(() => {});
  };
  try {
    for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MAX_MS)) {
      try {
        const parts = { systemClock, onProblem, onMending: say, cycles: Object.keys(config.cycles ?? {}) };
        const ends = signal === undefined ? {} : { signal };
        const store = await StoreHost.open({ ...config.store, gateway: config.gateway.id, ...parts, ...ends });
        const room = await opening?.catch(async (error: unknown) => {
          await store.stop();
          throw error;
        });
        return { store, httpPort: room?.httpPort };
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof CaissonError) || !error.retryable) throw error;
        say(`the store cannot be opened: ${error.message}; trying again in ${waitMs / 1e3} s`);
        await opening;
      }
      await pause(waitMs, undefined, { ...(signal !== undefined && { signal }) });
    }
  } finally {
    await (await opening?.catch(() => undefined))?.close();
  }
}

/** The dashboard of a gateway whose store is not open. */
class WaitingRoom {
  readonly httpPort: number;
  readonly #serve: ServeWorker;
  readonly #status: () => GatewayStatus;
  readonly #say: (problem: string) => void;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    { serve, httpPort }: { serve: ServeWorker; httpPort: number },
    status: () => GatewayStatus,
    say: (problem: string) => void,
  ) {
    this.httpPort = httpPort;
    this.#serve = serve;
    this.#status = status;
    this.#say = say;
    this.#timer = setInterval(() => this.#post(), STATUS_INTERVAL_MS);
  }

  static async open(config: CaissonConfig, options: StoreOpeningOptions): Promise<WaitingRoom> {
    const { version, webRoot, onProblem } = options;
    const clock = new BoxClock(BoxClock.startingAt(Date.now() * 1e3, 0));
    const problems: { time: number; text: string }[] = [];
    const status = (): GatewayStatus => ({
      role: 'gateway',
      gateway: config.gateway.id ?? '',
      boot: '',
      version,
      startedAt: clock.origin.time,
      now: clock.now(),
      clock: { source: 'none', errorUs: Number.POSITIVE_INFINITY, doubted: [] },
      ring: { slots: 0, used: 0, refused: 0 },
      store: STORE_NOTHING_YET,
      sources: [],
      problems: [...problems],
    });
    const { serve, ports } = await startServe({
      config,
      storeDir: undefined,
      webRoot,
      httpPort: undefined,
      clock: clock.origin,
      freshness: createChannelFreshness(),
      status,
      utcOffset: () => 0,
      onAcknowledged: () => {},
      onProblem,
    });
    onProblem(`the dashboard, http://${config.dashboard.host}:${ports.httpPort}, waits for the store`);
    return new WaitingRoom({ serve, httpPort: ports.httpPort }, status, (text) => {
      problems.splice(0, problems.length, { time: clock.now(), text });
    });
  }

  /** Why the store is not open. */
  say(problem: string): void {
    this.#say(problem);
    this.#post();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#serve.stop({ kind: 'stop' });
  }

  #post(): void {
    this.#serve.post({ kind: 'status', status: this.#status(), utcOffset: 0 });
  }
}
