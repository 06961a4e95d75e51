import t from 'tap';
import { type ImportReport, reportText } from '../../../gateway/commands/import-text.ts';

function report(channelName: string): ImportReport {
  const definition = { name: channelName, unit: '', type: 'text', class: 'bulk', stamp: 'arrival' } as const;
  return {
    ...{ file: 'drive.log', format: 'candump', state: 'imported', samples: 9, from: 0, to: 1e6 },
    channels: [{ definition, samples: 3, from: 0, to: 1e6 } as ImportReport['channels'][number]],
    ...{ received: 12, skipped: { 'no-definition': 3, 'bad-line': 2 }, places: { 'bad-line': 'line 17' }, seconds: 1 },
  };
}

t.test('frames that nothing decodes are told to be kept where they are, and to be skipped where not', async (t) => {
  t.match(reportText(report('drive/undefined')), /^ {2}not decoded 3 frames, kept in drive\/undefined$/m);
  t.match(reportText(report('drive/raw')), /^ {2}not decoded 3 frames, kept in drive\/raw$/m);
  t.match(reportText(report('drive/speed')), /^ {2}skipped 3 no-definition$/m);
  t.match(reportText(report('drive/raw')), /^ {2}skipped 2 bad-line, first at drive.log, line 17$/m);
});
