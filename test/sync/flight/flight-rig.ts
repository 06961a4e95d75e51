import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus } from '../memory-telemetry.ts';

export const HOST = '127.0.0.1';
export const SPEED = 'car7/speed';
export const WORDS = 'car7/words';

export interface FlightRig {
  readonly port: number;
  readonly telemetry: StoreTelemetry;
}

/** A server over a store of two channels, one of numbers and one of text. */
export async function startFlightRig(t: Test, blocks = 40): Promise<FlightRig> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-flight-'));
  const store = new FilledStore(dir, 'box', new Random(3));
  for (let block = 0; block < blocks; block += 1) store.seal(SPEED, 'number', 300);
  store.seal(WORDS, 'text', 5);
  const telemetry = StoreTelemetry.open(dir);
  const parts = { telemetry, feed: store.db, status: () => exampleStatus(), storeDir: dir };
  const server = await startTelemetryServer({ ...parts, host: HOST, port: 0 });
  t.teardown(async () => {
    await server.stop();
    telemetry.close();
    store.close();
    rmSync(dir, { recursive: true });
  });
  return { port: server.port, telemetry };
}

/** All samples of a channel of numbers. */
export function samplesOf(telemetry: StoreTelemetry, name: string): { times: number[]; values: number[] } {
  const times: number[] = [];
  const values: number[] = [];
  const all = telemetry.raw(telemetry.channel(name).id, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  for (const piece of all) {
    times.push(...piece.times);
    values.push(...(piece.values as Float64Array));
  }
  return { times, values };
}
