import type { SessionRecord } from '../analysis/sessions/session-records.ts';
import type { ChannelFreshness } from '../channel-freshness.ts';
import type { ClockOrigin } from '../clock.ts';
import type { ConfigAnswer, ConfigRequest } from '../config/offer/offer.ts';
import { messageOf } from '../errors.ts';
import { ownScript } from '../own-file.ts';
import type { GatewayStatus } from '../status.ts';
import type { PassedOver } from '../store/passed-over.ts';
import type { Acknowledged } from '../store/retention/acknowledgements.ts';
import { SupervisedWorker } from '../supervised-worker.ts';
import type { CaissonConfig } from './config-schema.ts';
import type { CyclesAnswer, FromServe, ServeThreadData, ToServe } from './serve-messages.ts';

/** Ports that the serve thread listens at; `grpcPort` 0 where there is no store to serve. */
export interface ServePorts {
  readonly httpPort: number;
  readonly grpcPort: number;
}

export interface ServeOptions {
  readonly config: Pick<CaissonConfig, 'dashboard' | 'grpc' | 'destinations' | 'central' | 'usage' | 'relay'>;
  /** Undefined while the store is not open: then the dashboard shows the status, and nothing else is served. */
  readonly storeDir: string | undefined;
  /** Folder of the built web app. */
  readonly webRoot: string;
  /** Where the dashboard was before, so that viewers find it; undefined: as configured. */
  readonly httpPort: number | undefined;
  readonly clock: ClockOrigin;
  readonly freshness: ChannelFreshness;
  readonly status: () => GatewayStatus;
  /** UTC minus box time, microseconds. */
  readonly utcOffset: () => number;
  /** Told what a central says it has. */
  readonly onAcknowledged: (central: string, acknowledged: Acknowledged) => void;
  /** Keeps what did not go to destinations. */
  readonly onPassedOver?: (record: PassedOver) => void;
  readonly onProblem: (text: string) => void;
  /** Told that the thread listens, also when it was started again. */
  readonly onListening?: (serve: ServeWorker) => void;
  /** Keeps records of sessions; resolves when they are on disk. Undefined where no store is served. */
  readonly keepSessions?: (records: readonly SessionRecord[]) => Promise<void>;
  /** Told what the thread answers of cycles. */
  readonly onCycles?: (id: number, answer: CyclesAnswer) => void;
  /** Undefined where the config is no file: centrals that ask for it are refused. */
  readonly answerConfig?: (request: ConfigRequest) => ConfigAnswer;
  /** Told of a central that asks how this gateway does, or says what it has. */
  readonly onHeard?: (central: string) => void;
}

export type ServeWorker = SupervisedWorker<ToServe, FromServe>;

/**
 * Starts the serve thread, which is started again when it dies; the ports it got the first time are kept, so that viewers
 * find it. Rejects where it cannot start.
 */
export function startServe(options: ServeOptions): Promise<{ serve: ServeWorker; ports: ServePorts }> {
  const { config, storeDir, webRoot, onProblem } = options;
  return new Promise((resolve, reject) => {
    let ports: ServePorts | undefined;
    const serve: ServeWorker = new SupervisedWorker<ToServe, FromServe>({
      name: 'serve',
      script: ownScript('gateway/commands/serve-thread'),
      workerData: (): ServeThreadData => ({
        storeDir,
        webRoot,
        dashboard: { ...config.dashboard, port: ports?.httpPort ?? options.httpPort ?? config.dashboard.port },
        grpc: { ...config.grpc, port: ports?.grpcPort ?? config.grpc.port },
        destinations: config.destinations ?? {},
        usage: config.usage ?? {},
        relay: config.relay,
        hasConfigFile: options.answerConfig !== undefined,
        dial: config.central?.dial ?? [],
        clock: options.clock,
        freshness: options.freshness,
        status: options.status(),
        utcOffset: options.utcOffset(),
      }),
      onMessage: (message) => {
        if (message.kind === 'problem') return onProblem(message.text);
        if (message.kind === 'acknowledged') return options.onAcknowledged(message.central, message.acknowledged);
        if (message.kind === 'passed-over') return options.onPassedOver?.(message.record);
        if (message.kind === 'heard') return options.onHeard?.(message.central);
        if (message.kind === 'sessions') {
          const { id, records } = message;
          options.keepSessions?.(records).then(
            () => serve.post({ kind: 'sessions', id }),
            (error: unknown) => serve.post({ kind: 'sessions', id, problem: messageOf(error) }),
          );
          return;
        }
        if (message.kind === 'cycles') return options.onCycles?.(message.id, message.answer);
        if (message.kind === 'config') {
          const answer = options.answerConfig?.(message.request);
          if (answer !== undefined) serve.post({ kind: 'config', id: message.id, answer });
          return;
        }
        const { httpPort, grpcPort } = message;
        ports = { httpPort, grpcPort };
        serve.setReady();
        options.onListening?.(serve);
        resolve({ serve, ports });
      },
      onProblem,
      onStartFailed: reject,
    });
  });
}
