import t from 'tap';
import { bytesText, counted } from '../../gateway/quantity-text.ts';

t.test('bytes are told in the unit that fits', async (t) => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [9_999, '9999 B'],
    [10_000, '10.0 kB'],
    [934_400, '934.4 kB'],
    [1_000_000, '1.0 MB'],
    [83.14e9, '83.1 GB'],
    [2.34e12, '2.3 TB'],
    [5e15, '5000.0 TB'],
  ];
  for (const [bytes, text] of cases) t.equal(bytesText(bytes), text);
});

t.test('one stands in the singular, none and more in the plural', async (t) => {
  t.equal(counted(1, 'line'), '1 line');
  t.equal(counted(0, 'line'), '0 lines');
  t.equal(counted(12, 'box', 'boxes'), '12 boxes');
});
