import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { stringify } from 'yaml';
import type { RedecodedBoot } from '../../../gateway/commands/boot-redecoder.ts';
import { requireConfig } from '../../../gateway/commands/config.ts';
import type { CaissonConfig } from '../../../gateway/commands/config-schema.ts';
import { type RedecodeRequest, redecodeStore } from '../../../gateway/commands/redecode-store.ts';
import { loadCollector } from '../../../gateway/commands/source-collectors.ts';
import { JOURNAL_SEGMENT_BYTES } from '../../../gateway/limits.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { createRing } from '../../../gateway/ring.ts';
import { beginBoot } from '../../../gateway/store/begin-boot.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import type { Finding } from '../../../gateway/store/check/finding.ts';
import { checkStore } from '../../../gateway/store/check/store-check.ts';
import { Journal } from '../../../gateway/store/journal/journal.ts';
import { recover } from '../../../gateway/store/recovery.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { StoreHost } from '../../../gateway/store-host.ts';
import { waitFor } from '../../wait-for.ts';

export const ALL_TIMES = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** What the frames of `car` are decoded right with: one that is multiplexed, and another. */
export const CAR_DBC = `BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Mode M : 16|4@1+ (1,0) [0|0] "" Dash
 SG_ Hot m1 : 24|8@1+ (1,0) [0|0] "" Dash
 SG_ Cold m2 : 24|8@1+ (1,0) [0|0] "" Dash
BO_ 257 Brake: 2 ECU
 SG_ Pressure : 0|16@1+ (0.1,-5) [0|0] "bar" Dash
`;

/** A store of a gateway named `box` whose source is `car`, in a folder of its own. */
export class RawStore {
  readonly folder: string;

  constructor(t: Test) {
    this.folder = mkdtempSync(join(tmpdir(), 'caisson-raw-'));
    t.teardown(() => rmSync(this.folder, { recursive: true }));
  }

  get dir(): string {
    return join(this.folder, 'store');
  }

  get configFile(): string {
    return join(this.folder, 'caisson.yaml');
  }

  /** Path of a file of the folder, written now where a text is given. */
  file(name: string, text?: string): string {
    const path = join(this.folder, name);
    if (text !== undefined) writeFileSync(path, text);
    return path;
  }

  configure(car: object): CaissonConfig {
    writeFileSync(
      this.configFile,
      stringify({ gateway: { id: 'box' }, store: { dir: this.dir }, sources: { car }, grpc: { port: 0 } }),
    );
    return requireConfig(this.configFile);
  }

  /** Runs the source to the end of its recording, as one boot; where there are several, one after the other. */
  async takeIn(t: Test, ...cars: readonly object[]): Promise<void> {
    const problems: string[] = [];
    const onProblem = (text: string) => problems.push(text);
    const { store, gateway } = this.configure(cars[0] ?? {});
    const host = await StoreHost.open({ ...store, gateway: gateway.id, onProblem });
    for (const car of cars) {
      const source = this.configure(car).sources.car;
      if (source === undefined) throw new Error('no source car');
      const create = await loadCollector(source);
      const collector = create({ source: 'car', intake: host.intake, clock: host.clockOf('car') });
      await collector.start();
      await waitFor('the end of the recording', () => collector.health().state === 'stopped');
      await collector.stop();
      t.equal(collector.health().dropped, 0);
    }
    await host.stop();
    t.same(problems, []);
  }

  /** Puts everything into blocks, in a boot that takes nothing in. */
  seal(): void {
    const paths = storePaths(this.dir);
    const blocks = BlockDb.open(paths.blocks);
    const boots = new Set(blocks.boots().map(({ boot }) => boot));
    const journal = Journal.open(paths.journal, { boots, segmentBytes: JOURNAL_SEGMENT_BYTES });
    const { writer } = beginBoot({
      ...{ ring: createRing(64), journal, blocks, recovered: recover(journal, blocks), gateway: 'box' },
      ...{ boot: randomBytes(8).toString('hex'), started: blocks.lastTime() + 1, onProblem: () => {} },
      reading: { time: 0, offset: 0, error: Number.POSITIVE_INFINITY, source: 'none' },
    });
    writer.sealOlderThan(writer.nextRow);
    while (writer.seal() > 0);
    writer.trim();
    journal.close();
    blocks.close();
  }

  redecode(car: object, request: Partial<RedecodeRequest> = {}): RedecodedBoot[] {
    const [onProgress, onProblem] = [() => {}, () => {}];
    return redecodeStore(this.configure(car), {
      ...{ source: 'car', span: ALL_TIMES, now: 1_700_000_000_000_000, onProgress, onProblem },
      ...request,
    });
  }

  /** What a check of the whole store finds wrong. */
  faults(): readonly Finding[] {
    const check = checkStore(this.dir);
    for (let next = check.next(); ; next = check.next()) if (next.done === true) return next.value.findings;
  }

  /** What `ask` finds in the store. */
  ask<Result>(ask: (telemetry: StoreTelemetry) => Result): Result {
    const telemetry = StoreTelemetry.open(this.dir);
    try {
      return ask(telemetry);
    } finally {
      telemetry.close();
    }
  }
}

/** Samples of a channel, bit for bit: each time with its value as text, or as the hex digits of its bits. */
export function bitsOf(
  telemetry: StoreTelemetry,
  name: string,
  version?: number,
  span = { from: -Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER },
): string[] {
  const { id } = telemetry.channel(name);
  const bits: string[] = [];
  for (const { times, values } of telemetry.raw(id, span.from, span.to, version)) {
    const words = values instanceof Float64Array ? new BigUint64Array(values.slice().buffer) : values;
    for (const [i, time] of times.entries()) bits.push(`${time} ${words[i]?.toString(16)}`);
  }
  return bits;
}

/** Every channel that is decoded, with its samples bit for bit; without raw channels and the meters of a bus. */
export function decodedBits(telemetry: StoreTelemetry, version?: number): Map<string, string[]> {
  const names = telemetry.channels().map(({ name }) => name);
  const decoded = names.filter((name) => !/\/(raw|undefined)$|\/bus\//.test(name)).sort();
  return new Map(decoded.map((name) => [name, bitsOf(telemetry, name, version)]));
}
