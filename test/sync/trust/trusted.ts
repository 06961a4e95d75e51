import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { GatewayStatus } from '../../../gateway/status.ts';
import { startTelemetryServer, type TelemetryServer, type TelemetryServerOptions } from '../../../sync/api/server.ts';
import { Authority, inviteTo } from '../../../sync/trust/authority.ts';
import { CentralIdentity } from '../../../sync/trust/central-identity.ts';
import type { Identity } from '../../../sync/trust/identity.ts';
import { IdentityFolder, keepIdentity } from '../../../sync/trust/identity-folder.ts';
import { type PeerName, type PeerRole, peerText } from '../../../sync/trust/peer-name.ts';
import type { SecurePortOptions } from '../../../sync/trust/secure-port.ts';
import { parseToken } from '../../../sync/trust/token.ts';
import { enroll } from '../../../sync/trust/trust-client.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

export const HOST = '127.0.0.1';
export const PASSPHRASE = 'correct horse battery';
export const DAY_MS = 86_400_000;

/** A folder that goes with the test. */
export function folderOf(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-trust-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A central with its authority, and whoever enrols there. */
export class TrustedCentral {
  readonly dir: string;
  readonly authority: Authority;
  readonly identity: CentralIdentity;
  readonly server: TelemetryServer;
  /** Whose connections were cut because the certificate was taken back. */
  readonly cut: readonly string[];

  private constructor(
    dir: string,
    authority: Authority,
    identity: CentralIdentity,
    server: TelemetryServer,
    cut: readonly string[],
  ) {
    this.dir = dir;
    this.authority = authority;
    this.identity = identity;
    this.server = server;
    this.cut = cut;
  }

  static async start(
    t: Test,
    options: Partial<TelemetryServerOptions> = {},
    onLine?: SecurePortOptions['onLine'],
  ): Promise<TrustedCentral> {
    const dir = join(folderOf(t), 'authority');
    const authority = Authority.open(dir, PASSPHRASE);
    const identity = new CentralIdentity(authority, 'hub', ['localhost', HOST]);
    const cut: string[] = [];
    const onCut = (peer: PeerName) => cut.push(peerText(peer));
    const server = await startServer(
      { ...exampleStatus('hub'), role: 'central' },
      { secure: { identity, authority, onLine, onCut }, ...options },
    );
    t.teardown(async () => {
      await server.stop();
      identity.close();
      authority.close();
    });
    return new TrustedCentral(dir, authority, identity, server, cut);
  }

  get address(): { host: string; port: number } {
    return { host: HOST, port: this.server.port };
  }

  /** A token, as `caisson invite` prints it. */
  invite(name: string, role: PeerRole = 'gateway', lifeMs = DAY_MS): string {
    const now = { nowMs: Date.now(), lifeMs };
    return inviteTo(this.dir, { peer: { role, name }, hosts: [HOST], central: this.address, ...now });
  }

  /** The identity of who was invited and enrolled. */
  async enrolled(t: Test, name: string, role: PeerRole = 'gateway'): Promise<IdentityFolder> {
    const dir = join(folderOf(t), 'identity');
    const { issued, key } = await enroll(parseToken(this.invite(name, role)));
    keepIdentity(dir, issued, { key, central: this.address });
    const identity = IdentityFolder.open(dir);
    t.teardown(() => identity.close());
    return identity;
  }
}

/** A server of `caisson.v1.Telemetry` with nothing to tell but its status. */
export function startServer(
  status: GatewayStatus,
  options: Partial<TelemetryServerOptions> = {},
): Promise<TelemetryServer> {
  return startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: { feed: () => [] }, storeDir: tmpdir() },
    status: () => status,
    ...options,
  });
}

/** A gateway's server that goes with the test. */
export async function startGatewayServer(
  t: Test,
  name: string,
  identity: Identity,
  options: Partial<TelemetryServerOptions> = {},
): Promise<TelemetryServer> {
  const server = await startServer(exampleStatus(name), { secure: { identity }, ...options });
  t.teardown(() => server.stop());
  return server;
}
