import t from 'tap';
import { NmeaDecoder } from '../../../../collectors/serial/nmea/decoder.ts';
import { GnssTime } from '../../../../collectors/serial/nmea/gnss-time.ts';
import { decode } from './decode.ts';

/** UTC after each sentence, as ISO 8601. */
function follow(sentences: readonly string[]): (string | undefined)[] {
  const decoder = new NmeaDecoder();
  const time = new GnssTime();
  return sentences.map((sentence) => {
    decode(decoder, sentence);
    time.take(decoder.report);
    return time.utc === undefined ? undefined : new Date(time.utc / 1e3).toISOString();
  });
}

const rmc = (time: string, date: string, status = 'A') => `GPRMC,${time},${status},,,,,,,${date},,`;
const gga = (time: string) => `GPGGA,${time},,,,,1,,,,M,,M,,`;

t.test('knows no UTC before a date', async (t) => {
  t.same(follow([gga('235958'), rmc('235958', '311219')]), [undefined, '2019-12-31T23:59:58.000Z']);
});

t.test('crosses midnight before the next date comes', async (t) => {
  t.same(follow([rmc('235959.9', '311219'), gga('000000.0'), rmc('000000.0', '010120')]), [
    '2019-12-31T23:59:59.900Z',
    '2020-01-01T00:00:00.000Z',
    '2020-01-01T00:00:00.000Z',
  ]);
});

t.test('crosses midnight backwards for a sentence that comes late', async (t) => {
  t.same(follow([rmc('000000.0', '010120'), gga('235959.9')]).at(-1), '2019-12-31T23:59:59.900Z');
});

t.test('takes no date of a receiver without a fix', async (t) => {
  t.same(follow([rmc('000010', '060180', 'V'), 'GPZDA,000010,06,01,1980,,']), [undefined, undefined]);
});

t.test('takes the date of ZDA where nothing says the fix is invalid', async (t) => {
  t.same(follow(['GPZDA,194104,16,09,2006,-05,00']), ['2006-09-16T19:41:04.000Z']);
});

t.test('has no UTC while the receiver leaves its time empty', async (t) => {
  t.same(follow([rmc('120000', '010120'), gga(''), gga('120002')]), [
    '2020-01-01T12:00:00.000Z',
    undefined,
    '2020-01-01T12:00:02.000Z',
  ]);
});

t.test('follows a date that jumps', async (t) => {
  t.same(follow([rmc('120000', '010100'), rmc('120001', '070419')]).at(-1), '2019-04-07T12:00:01.000Z');
});

t.test('leaves time alone at sentences without one', async (t) => {
  t.same(follow([rmc('120000', '010120'), 'GPVTG,,T,,M,1,N,,K,A']).at(-1), '2020-01-01T12:00:00.000Z');
});
