/**
 * Many boxes in one process, each with a store, a certificate and a port of its own, served as a gateway serves them:
 * `storm-ends-process.js DIR COUNT AUTHORITY PASSPHRASE`. Says `{"ports": [...], "samples": N}`; on SIGUSR2 each seals one block more,
 * and it says `{"samples": N}` of all that there are then.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Random } from '../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { Authority } from '../../sync/trust/authority.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { issuedIdentity } from '../sync/trust/issued-identity.ts';

const HOST = '127.0.0.1';

/** What each box took in while there was no line: packs of eight channels. */
const PACKS = 6;
const SAMPLES = 400;
const CHANNELS = 8;

const [dir = '', count, authorityDir = '', passphrase = ''] = process.argv.slice(2);
const telemetry = new MemoryTelemetry();
const authority = Authority.open(authorityDir, passphrase);
const boxes = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const gateway = `box${index}`;
    const storeDir = join(dir, gateway);
    mkdirSync(storeDir);
    const store = new FilledStore(storeDir, gateway, new Random(index));
    const names = Array.from({ length: CHANNELS }, (_, channel) => `${gateway}/channel${channel}`);
    store.db.transaction(() => {
      for (let pack = 0; pack < PACKS; pack += 1) store.sealPack(names, 'number', SAMPLES);
    });
    const { port } = await startTelemetryServer({
      ...{ host: HOST, port: 0, telemetry, feed: store.db, storeDir },
      status: () => exampleStatus(gateway),
      secure: { identity: issuedIdentity(authority, { role: 'gateway', name: gateway }) },
    });
    return { store, names, port };
  }),
);
authority.close();
let samples = boxes.length * PACKS * SAMPLES * CHANNELS;
say({ ports: boxes.map(({ port }) => port), samples });
process.on('SIGUSR2', () => {
  for (const { store, names } of boxes) store.sealPack(names, 'number', 1);
  samples += boxes.length * CHANNELS;
  say({ samples });
});

function say(word: object): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}
