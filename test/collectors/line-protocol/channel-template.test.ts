import t from 'tap';
import { ChannelTemplate } from '../../../collectors/line-protocol/channel-template.ts';
import { readLines } from './read-lines.ts';

const LINE = 'cpu,host=box,core=0 busy=1';

const templates: [template: string | undefined, channel: string][] = [
  [undefined, 'cpu/core=0/host=box/busy'],
  ['{measurement}/{values}/{field}', 'cpu/0/box/busy'],
  ['{tag.host}/{measurement}/{tags}/{field}', 'box/cpu/core=0/busy'],
  ['{tag.host}/{values}/{field}', 'box/0/busy'],
  ['{tag.none}{field}', 'busy'],
  ['plant-{measurement}.{field}', 'plant-cpu.busy'],
];
for (const [template, channel] of templates) {
  t.test(`${template ?? 'no template'} names the channel ${channel}`, async (t) => {
    t.equal(readLines(LINE, template === undefined ? {} : { template }).samples[0]?.[0], channel);
  });
}

t.test('tags in another order are the same channel', async (t) => {
  t.strictSame(readLines('a,x=1,y=2 v=1').samples, readLines('a,y=2,x=1 v=1').samples);
});

for (const template of ['{measurement}', '{measurement}/{fields}', '{tag.}/{field}', '{}/{field}']) {
  t.test(`refuses the template ${template}`, async (t) => {
    t.throws(() => new ChannelTemplate(template), { code: 'config-invalid' });
  });
}
