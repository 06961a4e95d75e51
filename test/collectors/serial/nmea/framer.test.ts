import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { NmeaFramer, SENTENCE_BYTES_MAX } from '../../../../collectors/serial/nmea/framer.ts';

/** What came out of a framer, in order: sentences as they are, damages in angle brackets. */
function frame(pieces: Iterable<Uint8Array>, requireChecksum = true): string[] {
  const out: string[] = [];
  const framer = new NmeaFramer(
    {
      sentence: (wire, from, to, start) => out.push(start + wire.toString('latin1', from, to)),
      damaged: (reason) => out.push(`<${reason}>`),
    },
    requireChecksum,
  );
  for (const piece of pieces) framer.feed(piece);
  return out;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');

/** A sentence with its checksum, without line end. */
function seal(body: string): string {
  const sum = bytes(body).reduce((total, byte) => total ^ byte, 0);
  return `${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}`;
}

const GLL = 'GPGLL,4916.45,N,12311.12,W,225444,A';
const VDM = 'AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0';

const CASES: readonly (readonly [name: string, wire: string, expected: readonly string[], optional?: boolean])[] = [
  ['takes a sentence with CR LF', `$${seal(GLL)}\r\n`, [`$${GLL}`]],
  ['takes a sentence with LF or CR alone', `$${seal(GLL)}\n$${seal(GLL)}\r`, [`$${GLL}`, `$${GLL}`]],
  ['takes a checksum in small letters', '$SDMTW,,C*1a\r\n', ['$SDMTW,,C']],
  ['takes encapsulated sentences', `!${seal(VDM)}\r\n`, [`!${VDM}`]],
  ['takes nothing before the line end', `$${seal(GLL)}`, []],
  ['skips TAG blocks', `\\s:GPS1,c:1241544035*4A\\$${seal(GLL)}\r\n`, [`$${GLL}`]],
  ['skips comment lines, also those that mention a sentence', `# look at $GPGLL,1\r\n$${seal(GLL)}\r\n`, [`$${GLL}`]],
  ['takes a # that begins no line for noise', `x#$${seal(GLL)}\r\n`, [`$${GLL}`]],
  ['finds a sentence behind binary noise', `\xb5b\x01\x07$\x00\xff$${seal(GLL)}\r\n`, [`$${GLL}`]],
  ['refuses a wrong checksum', `$${GLL}*00\r\n`, ['<bad-checksum>']],
  ['refuses a checksum of one digit', `$${seal(GLL).slice(0, -1)}\r\n`, ['<bad-checksum>']],
  ['refuses a checksum that is no number', `$${GLL}*G1\r\n`, ['<bad-checksum>']],
  ['refuses what stands behind a checksum', `$${seal(GLL)}0,*4E\r\n`, ['<bad-checksum>']],
  ['refuses a line without a checksum', `$${GLL}\r\n`, ['<no-checksum>']],
  ['takes a line without a checksum where that is allowed', `$${GLL}\r\n`, [`$${GLL}`], true],
  ['refuses a wrong checksum also where none is needed', `$${GLL}*00\r\n`, ['<bad-checksum>'], true],
  ['begins anew at a $ inside a sentence', `$GPGLL,49$${seal(GLL)}\r\n`, ['<cut-off>', `$${GLL}`]],
  [
    'calls a sentence cut off that another follows without line end',
    `$${seal(GLL)}$${seal(GLL)}\r\n`,
    ['<cut-off>', `$${GLL}`],
  ],
  ['refuses control bytes inside', `$GPGLL,49\x0016*00\r\n$${seal(GLL)}\r\n`, ['<not-text>', `$${GLL}`]],
  ['takes a $ before no address for noise', `$ 5 for it\r\n$\r\n$$${seal(GLL)}\r\n`, [`$${GLL}`]],
  [
    'takes the longest sentence',
    `$${seal('PX'.padEnd(SENTENCE_BYTES_MAX, '1'))}\r\n`,
    [`$${'PX'.padEnd(SENTENCE_BYTES_MAX, '1')}`],
  ],
  ['refuses a longer one', `$${seal('PX'.padEnd(SENTENCE_BYTES_MAX + 1, '1'))}\r\n`, ['<too-long>']],
  ['refuses a checksum without end', `$GPGLL*${'0'.repeat(SENTENCE_BYTES_MAX * 3)}\r\n`, ['<too-long>']],
];

for (const [name, wire, expected, optional = false] of CASES) {
  t.test(name, async (t) => {
    t.same(frame([bytes(wire)], !optional), expected);
    t.same(
      frame(
        Array.from(bytes(wire), (byte) => Uint8Array.of(byte)),
        !optional,
      ),
      expected,
      'byte by byte',
    );
    for (let cut = 1; cut < Math.min(wire.length, 120); cut += 1) {
      t.same(frame([bytes(wire.slice(0, cut)), bytes(wire.slice(cut))], !optional), expected, `cut at ${cut}`);
    }
  });
}

const body = fc
  .tuple(
    fc.constantFrom('GPGGA', 'GNRMC', 'IIMWV', 'PGRME', 'WIMWD'),
    fc.array(fc.stringMatching(/^[0-9A-Z.]{0,12}$/), { maxLength: 20 }),
  )
  .map(([address, fields]) => [address, ...fields].join(','));

/** Pieces of any length, possibly empty. */
function cut(wire: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [0, ...at.map((part) => Math.floor(part * wire.length)).sort((a, b) => a - b), wire.length];
  return cuts.slice(1).map((end, index) => wire.subarray(cuts[index], end));
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 10 });

t.test('gives the same however any bytes are cut', async () => {
  const noise = fc.uint8Array({ maxLength: 40 });
  const frames = body.map((text) => bytes(`$${seal(text)}\r\n`));
  const wire = fc.array(fc.oneof(noise, frames), { maxLength: 8 }).map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(wire, cuts, (all, at) => t.same(frame(cut(all, at)), frame([all]))),
    { numRuns: 300 },
  );
});

t.test('finds every valid sentence in noise that ends with a line', async () => {
  const noise = fc.uint8Array({ maxLength: 40 }).map((junk) => Buffer.concat([junk, bytes('\n')]));
  const parts = fc.array(fc.tuple(noise, body), { maxLength: 8 });
  fc.assert(
    fc.property(parts, cuts, (all, at) => {
      const wire = Buffer.concat(all.flatMap(([junk, text]) => [junk, bytes(`$${seal(text)}\r\n`)]));
      const found = frame(cut(wire, at)).filter((line) => !line.startsWith('<'));
      const sent = all.map(([, text]) => `$${text}`);
      return t.same(
        found.filter((line) => sent.includes(line)),
        sent,
      );
    }),
    { numRuns: 300 },
  );
});

t.test('never takes a sentence of which one bit was turned', async () => {
  fc.assert(
    fc.property(body, fc.nat(), fc.nat(7), (text, place, bit) => {
      const wire = bytes(`$${seal(text)}\r\n`);
      // The line end is left whole, and the case bit of a hex letter, which changes no value.
      const index = place % (wire.length - 2);
      const flipped = Buffer.from(wire);
      flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
      // What became a start begins a sentence of its own, which the checksum fits in one of 256 cases.
      fc.pre(index === 0 || !'$!'.includes(String.fromCharCode(flipped[index] ?? 0)));
      const isCase = index >= wire.length - 4 && bit === 5 && /[A-F]/i.test(String.fromCharCode(flipped[index] ?? 0));
      const taken = frame([flipped]).filter((line) => !line.startsWith('<'));
      return t.same(taken, isCase ? [`$${text}`] : []);
    }),
    { numRuns: 500 },
  );
});

t.test('does not join what came before a loss of the wire with what comes after', async (t) => {
  const out: string[] = [];
  const framer = new NmeaFramer({
    sentence: (wire, from, to) => out.push(wire.toString('latin1', from, to)),
    damaged: (reason) => out.push(`<${reason}>`),
  });
  framer.feed(bytes('$GPGLL,4916.45,N'));
  framer.reset();
  framer.feed(bytes(`,12311.12,W,225444,A*31\r\n$${seal(GLL)}\r\n`));
  t.same(out, ['<cut-off>', GLL]);
});

t.test('takes the last sentence of a recording without a line end', async (t) => {
  const out: string[] = [];
  const framer = new NmeaFramer({
    sentence: (wire, from, to) => out.push(wire.toString('latin1', from, to)),
    damaged: (reason) => out.push(`<${reason}>`),
  });
  framer.feed(bytes(`$${seal(GLL)}`));
  framer.end();
  t.same(out, [GLL]);
});
