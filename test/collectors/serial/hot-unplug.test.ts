import { Buffer } from 'node:buffer';
import { mkdtemp, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createSerialCollector } from '../../../collectors/serial/serial-collector.ts';
import { openPty } from '../../../hardware/serial/pty.ts';
import { sentence } from '../../../hardware/simulated/nmea.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from './recorded-intake.ts';

/** A depth that tells which sentence it is of. */
const depth = (metres: number) => sentence(`SDDPT,${metres},0.0`);

t.test(
  'a device that is pulled and plugged in again under a running collector loses what was cut off, and says so',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'caisson-unplug-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const path = join(folder, 'by-id');
    const first = await openPty();
    await symlink(first.path, path);
    const intake = new RecordedIntake();
    const collector = createSerialCollector(
      { port: { path }, raw: true },
      { source: 'gps', intake, clock: new SetClock() },
    );
    await collector.start();
    t.teardown(() => collector.stop());
    const depths = () => intake.values('gps/depth/transducer');
    const raw = () =>
      [...intake.channels.values()]
        .filter(({ type }) => type === 'text')
        .flatMap(({ name }) => intake.texts(name).map(({ text }) => text));

    const cut = depth(3);
    first.write(Buffer.from(depth(1) + depth(2) + cut.slice(0, 8)));
    await waitFor('two whole sentences', () => depths().length === 2);
    // The name goes first: the system may give the one it stands for to the next who opens a terminal.
    await unlink(path);
    await first.close();
    await waitFor('the loss is told', () => collector.health().state === 'waiting');
    t.match(collector.health(), { problem: /disconnected|no such file/i, errors: { 'cut-off': 1 } });
    t.equal(raw().at(-1), '', 'the raw channel says where the wire was lost');
    t.ok(cut.startsWith(raw().at(-2) ?? '-'), 'and keeps what came of the sentence that was cut off');

    const second = await openPty();
    t.teardown(() => second.close());
    await symlink(second.path, path);
    // What a device says before its port is open nobody hears: it says it until it is heard.
    const speaking = setInterval(() => second.write(Buffer.from(depth(4))), 20);
    t.teardown(() => clearInterval(speaking));
    await waitFor('what comes then', () => depths().includes(4));
    clearInterval(speaking);
    second.write(Buffer.from(depth(5)));
    await waitFor('the last', () => depths().at(-1) === 5);
    t.same([...new Set(depths())], [1, 2, 4, 5]);
    t.match(collector.health(), { state: 'running', errors: { 'cut-off': 1 }, dropped: 0 });
  },
);
