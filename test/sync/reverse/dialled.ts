import type { Test } from 'tap';
import type { PullBatch } from '../../../sync/api/pull-batch.ts';
import type { TelemetryServer, TelemetryServerOptions } from '../../../sync/api/server.ts';
import { type KeepResult, PullLine, type PullLineHealth, type PullSink } from '../../../sync/line/pull-line.ts';
import { sleep } from '../../../sync/line/sleep.ts';
import { AcceptedLines } from '../../../sync/reverse/accepted-lines.ts';
import { LineDialer } from '../../../sync/reverse/line-dialer.ts';
import type { Identity } from '../../../sync/trust/identity.ts';
import { HOST, startGatewayServer, TrustedCentral } from '../trust/trusted.ts';

/** Keeps nothing, and says so. */
class EmptySink implements PullSink {
  async resume() {
    return { feed: '', after: 0 };
  }

  async keep(_peer: object, _batch: PullBatch): Promise<KeepResult> {
    return { samples: 0 };
  }

  async skip() {}
}

export interface Ends {
  readonly central: TrustedCentral;
  readonly lines: AcceptedLines;
  /** Of what pulls over the line of a gateway. */
  readonly health: (gateway: string) => PullLineHealth | undefined;
}

export async function startCentral(t: Test): Promise<Ends> {
  const sink = new EmptySink();
  const lines = new AcceptedLines({
    name: 'hub',
    pull: (_gateway, way) => new PullLine({ ways: [way], sink, follower: 'hub' }),
  });
  const central = await TrustedCentral.start(t, {}, (socket, caller, raw) => lines.take(socket, caller, raw));
  t.teardown(() => lines.stop());
  const health = (gateway: string) => lines.lines.find((each) => each.gateway === gateway)?.line.health();
  return { central, lines, health };
}

/** A box that can be reached by nobody but over the line it dials. */
export async function startBox(
  t: Test,
  name: string,
  identity: Identity,
  port: number,
  served: Partial<TelemetryServerOptions> = {},
  silentMs?: number,
): Promise<{ server: TelemetryServer; dialer: LineDialer }> {
  const server = await startGatewayServer(t, name, identity, { secure: { identity }, ...served });
  const dialer = new LineDialer({
    address: { host: HOST, port },
    identity,
    serve: (socket, caller) => server.secure?.take(socket, caller),
    // A test is in a hurry; back-off has a test of its own.
    sleep: (_ms, signal) => sleep(20, signal),
    utcNow: () => Date.now() * 1e3,
    ...(silentMs === undefined ? {} : { silentMs }),
  });
  dialer.start();
  t.teardown(() => dialer.stop());
  return { server, dialer };
}
