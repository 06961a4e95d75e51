import t from 'tap';
import { DerivationWriter } from '../../../gateway/store/derivation-writer.ts';
import { StoreRig } from './store-rig.ts';

const EVERYTHING = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const TERMS = { version: 1, made: 0, spans: { arrival: [EVERYTHING], device: [] }, recipe: { kind: 'maths' } };

t.test('any recipe may derive, of many channels at once, in bounded memory', async (t) => {
  const rig = new StoreRig(['taken']);
  t.teardown(() => rig.dispose());
  const [origin] = rig.blocks.boots();
  if (origin === undefined) throw new Error('no boot');
  const made = rig.blocks.transaction(() => {
    const writer = new DerivationWriter({
      ...{ blocks: rig.blocks, gateway: origin.gateway, boot: '00000000000000aa', origin, clock: [] },
      ...{ within: { arrival: { from: 10, to: 5000 }, device: EVERYTHING }, samplesHeldMax: 1000 },
    });
    const ids = Array.from({ length: 7 }, (_, n) => writer.channel({ name: `maths/${n}`, source: 'maths' }).id);
    const words = writer.channel({ name: 'maths/words', source: 'maths', type: 'text' }).id;
    const never = writer.channel({ name: 'maths/never', source: 'maths' }).id;
    for (let time = 0; time < 6000; time += 1) {
      for (const id of ids) writer.push(id, time, time * id);
      writer.pushText(words, time, `word ${time}`);
    }
    writer.push(never, 9, 1);
    return writer.finish(TERMS, ['taken', 'unknown']);
  });
  t.equal(made.samples, 8 * 4990);
  t.same(made.channels, [...Array.from({ length: 7 }, (_, n) => `maths/${n}`), 'maths/words', 'taken']);
  const telemetry = rig.telemetry();
  t.teardown(() => telemetry.close());
  const read = (name: string) => {
    const pieces = [...telemetry.raw(telemetry.channel(name).id, 0, 10_000)];
    return pieces.flatMap(({ times, values }) => Array.from(times, (time, i) => `${time} ${values[i]}`));
  };
  const times = Array.from({ length: 4990 }, (_, n) => n + 10);
  t.same(
    read('maths/2'),
    times.map((time) => `${time} ${time * 3}`),
  );
  t.same(
    read('maths/words'),
    times.map((time) => `${time} word ${time}`),
  );
  t.throws(() => telemetry.channel('maths/never'), { code: 'channel-unknown' });
  t.match(telemetry.versions(), [{ version: 1, recipe: { kind: 'maths' } }]);
});

t.test('a channel keeps its stamp and stays text or number', async (t) => {
  const rig = new StoreRig(['taken', 'words/text']);
  t.teardown(() => rig.dispose());
  const [origin] = rig.blocks.boots();
  if (origin === undefined) throw new Error('no boot');
  const cases = [
    { name: 'taken', stamp: 'device' },
    { name: 'taken', type: 'text' },
    { name: 'words/text', type: 'number' },
  ] as const;
  for (const spec of cases) {
    const derive = () =>
      rig.blocks.transaction(() => {
        const writer = new DerivationWriter({
          ...{ blocks: rig.blocks, gateway: origin.gateway, boot: '00000000000000aa', origin, clock: [] },
          within: { arrival: EVERYTHING, device: EVERYTHING },
        });
        writer.push(writer.channel({ source: 'rig', ...spec }).id, 1, 1);
      });
    t.throws(derive, { code: 'derivation-refused' }, JSON.stringify(spec));
  }
  t.equal(rig.blocks.boots().length, 1, 'nothing of it was kept');
});
