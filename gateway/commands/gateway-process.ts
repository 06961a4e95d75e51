import { join } from 'node:path';
import { DeviceClockIntake } from '../../collectors/device-clock/device-clock-intake.ts';
import { RedundancyIntake, redundantChannels } from '../../collectors/redundancy/redundancy-intake.ts';
import { isShaped } from '../../collectors/shaping/shaping-config.ts';
import { ShapingIntake } from '../../collectors/shaping/shaping-intake.ts';
import { TimeDaemonWatch, type TimeKeeping } from '../../hardware/host/time-daemon.ts';
import { CycleIntake } from '../analysis/cycles/cycle-intake.ts';
import { keepSessions } from '../analysis/sessions/keep-sessions.ts';
import { createChannelFreshness } from '../channel-freshness.ts';
import { type SystemClock, UNKEPT_CLOCK } from '../clock-keeper.ts';
import type { ConfigAnswer, ConfigRequest } from '../config/offer/offer.ts';
import type { Intake } from '../intake.ts';
import type { ConfigStatus, GatewayStatus } from '../status.ts';
import { StatusChannels } from '../status-channels.ts';
import type { StoreHost } from '../store-host.ts';
import type { CaissonConfig } from './config-schema.ts';
import { CycleDesk } from './cycle-desk.ts';
import { startServe } from './serve-host.ts';
import { loadCollector, type MakeCollector } from './source-collectors.ts';
import type { SourceConfig } from './source-kinds.ts';
import { type RunningSource, StatusBoard } from './status-board.ts';
import { openStore } from './store-opening.ts';
import { WearWatch } from './wear-watch.ts';

const STATUS_INTERVAL_MS = 1000;

/** How long a stop waits for sums of the cycles that it ends. */
const LAST_SUMS_MS = 5000;

export interface GatewayProcessOptions {
  readonly version: string;
  /** Folder of the built web app. */
  readonly webRoot: string;
  /** Told what a person should know, as it happens. */
  readonly onProblem: (text: string) => void;
  /** Ends the waiting for a store that cannot be opened yet. */
  readonly signal?: AbortSignal;
  /** Answers what centrals ask of the config; undefined where it is no file. */
  readonly config?: ConfigAnswers;
  /** Told of a central that asks how this gateway does, or says what it has. */
  readonly onHeard?: (central: string) => void;
}

/** What is known of the config, and what goes back to a central that asks. */
export interface ConfigAnswers {
  status(): ConfigStatus;
  answer(request: ConfigRequest): ConfigAnswer;
}

/** Where a running gateway can be reached. */
export interface GatewayProcess {
  readonly gateway: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Samples of the run before that were in no block yet. */
  readonly recoveredSamples: number;
  status(): GatewayStatus;
  /** Resolves, with what was met, when its store turns out to be damaged: it is to be stopped and started again, which makes the store whole. */
  readonly damaged: Promise<string>;
  /** Ends a thread as a crash would: it must come back by itself. */
  crashThread(thread: 'store' | 'serve'): Promise<void>;
  /** Resolves when every source is closed and every sample taken in is on disk. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway: first the store, so that nothing is taken in that could not be kept, then its sources and what serves it.
 * Resolves when the store is open, however long its disk is full or fails.
 * @throws CaissonError when the store or a port can never be opened, or a source can never run; the reason of `signal`
 */
export async function startGateway(config: CaissonConfig, options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { onProblem, version, webRoot } = options;
  let board: StatusBoard | undefined;
  const say = (text: string) => {
    board?.problem(text);
    onProblem(text);
  };
  const loading = loadSources(config.sources);
  // Nobody awaits it where the store can never be opened.
  loading.catch(() => {});
  const timeDaemon = await TimeDaemonWatch.begin();
  const systemClock = () => systemClockOf(timeDaemon.keeping);
  const opening = openStore(config, { ...options, systemClock, onProblem: say });
  const { store, httpPort } = await opening.catch((error: unknown) => {
    timeDaemon.stop();
    throw error;
  });
  const { dir, wear: budget } = config.store;
  const wear = await WearWatch.open({ dir, budget, store, onProblem: say });
  const freshness = createChannelFreshness();
  board = new StatusBoard(version, store, wear, freshness, onProblem);
  const sources: RunningSource[] = [];
  const cycles = cyclesOf(config, store, say);
  let desk: CycleDesk | undefined;
  const stopTakingIn = async () => {
    await Promise.all(sources.map(({ collector }) => collector.stop()));
    for (const { shaping } of sources) shaping?.close();
    await cycles?.stop(store.clock.now(), LAST_SUMS_MS);
    wear.stop();
    timeDaemon.stop();
    await store.stop();
  };
  const look = (): GatewayStatus => ({
    ...board.snapshot(),
    ...(options.config && { config: options.config.status() }),
    ...(cycles && { cycles: cycles.status() }),
  });
  const start = async () => {
    // The sources first, so that a box that comes back takes in at once: what serves reads all of the journal as it starts.
    await startSources(config, store, cycles ?? store.intake, await loading, say, (source) => {
      sources.push(source);
      board.addSource(source);
    });
    return startServe({
      config,
      storeDir: dir,
      webRoot,
      httpPort,
      clock: store.clock.origin,
      freshness,
      status: () => look(),
      utcOffset: () => store.utcOffset(),
      keepSessions: (records) => keepSessions(store.intake, records, store.clock.now()),
      onAcknowledged: (central, acknowledged) => store.acknowledged(central, acknowledged),
      onPassedOver: (record) => store.keepPassedOver(record),
      onProblem: say,
      onListening: (worker) => {
        desk?.restarted();
        desk ??= new CycleDesk((id, question) => worker.post({ kind: 'cycles', id, question }));
        cycles?.settling.attach(desk);
      },
      onCycles: (id, answer) => desk?.take(id, answer),
      ...(options.config && { answerConfig: options.config.answer }),
      ...(options.onHeard && { onHeard: options.onHeard }),
    });
  };
  const { serve, ports } = await start().catch(async (error: unknown) => {
    await stopTakingIn();
    throw error;
  });
  let status = look();
  const channels = new StatusChannels(store.intake);
  const timer = setInterval(() => {
    status = look();
    channels.push(status, store.clock.now());
    void cycles?.settling.look();
    serve.post({ kind: 'status', status, utcOffset: store.utcOffset() });
  }, STATUS_INTERVAL_MS);
  return {
    gateway: store.gateway,
    ...ports,
    recoveredSamples: store.recoveredSamples,
    damaged: store.damaged,
    status: () => status,
    crashThread: async (thread) => {
      if (thread === 'store') await store.crashThread();
      else serve.post({ kind: 'crash' });
    },
    stop: async () => {
      clearInterval(timer);
      await stopTakingIn();
      await serve.stop({ kind: 'stop' });
    },
  };
}

function systemClockOf({ errorUs }: TimeKeeping): SystemClock {
  return errorUs === undefined ? UNKEPT_CLOCK : { source: 'ntp', errorUs };
}

interface LoadedSource {
  readonly name: string;
  readonly source: SourceConfig;
  readonly create: MakeCollector;
}

function loadSources(sources: CaissonConfig['sources']): Promise<LoadedSource[]> {
  return Promise.all(
    Object.entries(sources).map(async ([name, source]) => ({ name, source, create: await loadCollector(source) })),
  );
}

/** Undefined where none are configured, so that they cost nothing. */
function cyclesOf({ cycles = {} }: CaissonConfig, store: StoreHost, onProblem: (text: string) => void) {
  if (Object.keys(cycles).length === 0) return undefined;
  const parts = {
    intake: store.intake,
    started: store.clock.origin.time,
    utcOf: (time: number) => store.utcOf(time),
    utcOffset: () => store.utcOffset(),
    now: () => store.clock.now(),
    monotonicMs: () => performance.now(),
    channel: (id: number) => store.channel(id),
    channelNamed: (name: string) => store.channelNamed(name),
    names: () => store.channelNames(),
    lastNumber: (name: string) => store.cycleNumbers[name] ?? 0,
    onProblem,
  };
  return new CycleIntake(parts, cycles);
}

/** Starts the sources one after another and hands each on as it runs. */
async function startSources(
  config: CaissonConfig,
  store: StoreHost,
  intake: Intake,
  sources: readonly LoadedSource[],
  onProblem: (text: string) => void,
  onRunning: (source: RunningSource) => void,
): Promise<void> {
  const { clock, activity } = store;
  const members = redundantChannels(config.redundancy ?? {}, { intake, clock, onProblem });
  for (const { name, source, create } of sources) {
    const shaping = isShaped(source) ? new ShapingIntake({ source: name, intake, clock, activity }, source) : undefined;
    const kept = shaping ?? intake;
    // The best is chosen of what its sources bring, not of what is kept of it under their own names.
    const offered = members.size === 0 ? kept : new RedundancyIntake(kept, members);
    const deviceClock =
      source.deviceClock === undefined
        ? undefined
        : new DeviceClockIntake({ intake: offered, source: name, utcNow: () => store.utcNow() }, source);
    const stateFile = join(config.store.dir, `source-${name}.state`);
    const collector = create({ source: name, intake: deviceClock ?? offered, clock: store.clockOf(name), stateFile });
    await collector.start();
    onRunning({ name, kind: source.type, collector, ...(shaping && { shaping }), ...(deviceClock && { deviceClock }) });
  }
}
