import type { GatewayStatus } from '../status.ts';
import { StatusChannels } from '../status-channels.ts';
import { StoreHost } from '../store-host.ts';
import { SupervisedWorker, siblingScript } from '../supervised-worker.ts';
import type { CaissonConfig } from './config.ts';
import type { FromServe, ServeThreadData, ToServe } from './serve-messages.ts';
import { createCollector } from './source-collectors.ts';
import { type RunningSource, StatusBoard } from './status-board.ts';
import { WearWatch } from './wear-watch.ts';

const STATUS_INTERVAL_MS = 1000;

export interface GatewayProcessOptions {
  readonly version: string;
  /** Folder of the built web app. */
  readonly webRoot: string;
  /** Told what a person should know, as it happens. */
  readonly onProblem: (text: string) => void;
}

/** Where a running gateway can be reached. */
export interface GatewayProcess {
  readonly gateway: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Samples of the run before that were in no block yet. */
  readonly recoveredSamples: number;
  status(): GatewayStatus;
  /** Ends a thread as a crash would: it must come back by itself. */
  crashThread(thread: 'store' | 'serve'): Promise<void>;
  /** Resolves when every source is closed and every sample taken in is on disk. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway: first the store, so that nothing is taken in that could not be kept, then its sources and what serves it.
 * @throws CaissonError when the store or a port cannot be opened, or a source can never run
 */
export async function startGateway(config: CaissonConfig, options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { onProblem, version, webRoot } = options;
  let board: StatusBoard | undefined;
  const say = (text: string) => {
    board?.problem(text);
    onProblem(text);
  };
  const store = await StoreHost.open({ ...config.store, gateway: config.gateway.id, onProblem: say });
  const { dir, wear: budget } = config.store;
  const wear = await WearWatch.open({ dir, budget, store, onProblem: say });
  board = new StatusBoard(version, store, wear);
  const sources: RunningSource[] = [];
  // Side by side: a box that comes back takes in at once, however long the journal is that the serve thread reads first.
  const [served, sourced] = await Promise.allSettled([
    startServe(config, store, board, webRoot, say),
    startSources(config, store, (source) => {
      sources.push(source);
      board.addSource(source);
    }),
  ]);
  const stopAll = async () => {
    await Promise.all(sources.map(({ collector }) => collector.stop()));
    wear.stop();
    await store.stop();
    if (served.status === 'fulfilled') await served.value.serve.stop({ kind: 'stop' });
  };
  const failed = [served, sourced].find((outcome) => outcome.status === 'rejected');
  if (served.status === 'rejected' || failed !== undefined) {
    await stopAll();
    throw failed?.reason;
  }
  const { serve, ports } = served.value;
  let status = board.snapshot();
  const channels = new StatusChannels(store.intake);
  const timer = setInterval(() => {
    status = board.snapshot();
    channels.push(status, store.clock.now());
    serve.post({ kind: 'status', status, utcOffset: store.utcOffset() });
  }, STATUS_INTERVAL_MS);
  return {
    gateway: store.gateway,
    ...ports,
    recoveredSamples: store.recoveredSamples,
    status: () => status,
    crashThread: async (thread) => {
      if (thread === 'store') await store.crashThread();
      else serve.post({ kind: 'crash' });
    },
    stop: async () => {
      clearInterval(timer);
      await stopAll();
    },
  };
}

/** Starts the sources one after another and hands each on as it runs. */
async function startSources(
  config: CaissonConfig,
  store: StoreHost,
  onRunning: (source: RunningSource) => void,
): Promise<void> {
  for (const [name, source] of Object.entries(config.sources)) {
    const collector = createCollector(source, { source: name, intake: store.intake, clock: store.clock });
    await collector.start();
    onRunning({ name, kind: source.type, collector });
  }
}

type Ports = Pick<GatewayProcess, 'httpPort' | 'grpcPort'>;

/** The serve thread, started again when it dies; the ports it got the first time are kept, so that viewers find it. */
function startServe(
  config: CaissonConfig,
  store: StoreHost,
  board: StatusBoard,
  webRoot: string,
  onProblem: (text: string) => void,
): Promise<{ serve: SupervisedWorker<ToServe, FromServe>; ports: Ports }> {
  return new Promise((resolve, reject) => {
    let ports: Ports | undefined;
    const serve = new SupervisedWorker<ToServe, FromServe>({
      name: 'serve',
      script: siblingScript(import.meta.url, './serve-thread'),
      workerData: (): ServeThreadData => ({
        storeDir: config.store.dir,
        webRoot,
        dashboard: { ...config.dashboard, port: ports?.httpPort ?? config.dashboard.port },
        grpc: { ...config.grpc, port: ports?.grpcPort ?? config.grpc.port },
        clock: store.clock.origin,
        status: board.snapshot(),
        utcOffset: store.utcOffset(),
      }),
      onMessage: (message) => {
        if (message.kind === 'problem') return onProblem(message.text);
        if (message.kind === 'acknowledged') return store.acknowledged(message.central, message.position);
        const { httpPort, grpcPort } = message;
        ports = { httpPort, grpcPort };
        serve.setReady();
        resolve({ serve, ports });
      },
      onProblem,
      onStartFailed: reject,
    });
  });
}
