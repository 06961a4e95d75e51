import fc from 'fast-check';
import t from 'tap';
import type { ChannelDefinition } from '../../../gateway/channel.ts';
import { CLOCK_SOURCES } from '../../../gateway/clock.ts';
import type { FeedItem } from '../../../gateway/store/block-db.ts';
import { decodeChannel, decodeDefinition, encodeChannel, encodeDefinition } from '../../../sync/api/channel-message.ts';
import { decodeColumn, encodeColumn } from '../../../sync/api/columns.ts';
import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../../../sync/api/descriptor.ts';
import { decodeFeedItem, encodeFeedItem } from '../../../sync/api/feed-message.ts';
import { answerListVersions, decodeVersion } from '../../../sync/api/list-versions-call.ts';
import type {
  ListChannelsResponseMessage,
  ListVersionsResponseMessage,
  PullBlocksResponseMessage,
  VersionMessage,
} from '../../../sync/api/messages.ts';
import { decodeStatus, encodeStatus } from '../../../sync/api/status-message.ts';
import type { StatusMessage } from '../../../sync/api/status-messages.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const service = serviceOf(loadProtos(), TELEMETRY_SERVICE);

/** A response of a method as it is after the wire. */
function overTheWire<Message extends object>(method: string, message: Message): Message {
  const definition = service[method];
  if (definition === undefined) throw new Error(`no method ${method}`);
  return definition.responseDeserialize(definition.responseSerialize(message)) as Message;
}

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const definition: fc.Arbitrary<ChannelDefinition> = fc
  .record(
    {
      name: text,
      unit: text,
      type: fc.constantFrom('number', 'bool', 'enum', 'text'),
      class: fc.constantFrom('critical', 'standard', 'bulk'),
      residency: fc.oneof(fc.constantFrom('any' as const, 'local' as const), fc.array(text)),
      stamp: fc.constantFrom('arrival', 'device'),
      source: text,
      description: text,
      rateHz: finite,
      scale: fc.record({ gain: finite, offset: finite }),
      decimals: fc.nat(20),
      limits: fc.record(
        { lowAlarm: finite, lowWarn: finite, highWarn: finite, highAlarm: finite },
        { requiredKeys: [] },
      ),
      labels: fc.dictionary(fc.nat(300).map(String), text),
    },
    { requiredKeys: ['name', 'unit', 'type', 'class', 'residency', 'stamp', 'source'] },
  )
  .map(
    (each) => ({ ...each, ...(each.labels === undefined ? {} : { labels: { ...each.labels } }) }) as ChannelDefinition,
  );

t.test('a channel is the same after the wire, whatever it says and leaves unsaid', async (t) => {
  fc.assert(
    fc.property(definition, fc.integer({ min: 1, max: 200_000 }), text, (each, id, gateway) => {
      const channel = { ...each, id, gateway };
      const page: ListChannelsResponseMessage = { channels: [encodeChannel(channel)], more: false };
      const [message] = overTheWire('ListChannels', page).channels;
      if (message === undefined) throw new Error('no channel');
      t.same(decodeChannel(message), channel);
      t.same(decodeDefinition(encodeDefinition(each)), each);
    }),
    { numRuns: 200 },
  );
});

const time = fc.maxSafeInteger();
const edge = fc.oneof(time, fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
const spans = fc.array(fc.record({ from: edge, to: edge }), { maxLength: 2 });
const terms = fc.record({
  version: fc.maxSafeNat(),
  made: time,
  spans: fc.record({ arrival: spans, device: spans }),
  recipe: fc.record({ kind: text, files: fc.array(text, { maxLength: 2 }) }),
});
const item: fc.Arbitrary<FeedItem> = fc.oneof(
  fc.record({
    kind: fc.constant('boot' as const),
    position: fc.maxSafeNat(),
    gateway: text,
    boot: text,
    started: time,
  }),
  fc.record({
    kind: fc.constant('boot' as const),
    position: fc.maxSafeNat(),
    gateway: text,
    boot: text,
    started: time,
    origin: fc.string({ minLength: 1, unit: 'grapheme' }),
  }),
  fc.record({
    kind: fc.constant('derivation' as const),
    position: fc.maxSafeNat(),
    gateway: text,
    boot: text,
    channels: fc.array(text, { maxLength: 3 }),
    derivation: terms,
  }),
  fc.record({ kind: fc.constant('channel' as const), position: fc.maxSafeNat(), gateway: text, definition }),
  fc.record({
    kind: fc.constant('clock' as const),
    position: fc.maxSafeNat(),
    gateway: text,
    boot: text,
    reading: fc.record({
      time,
      offset: time,
      error: fc.oneof(fc.nat(), fc.constant(Number.POSITIVE_INFINITY)),
      source: fc.constantFrom(...CLOCK_SOURCES),
    }),
  }),
  fc.record({
    kind: fc.constant('pack' as const),
    position: fc.maxSafeNat(),
    bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    kind: fc.constant('gap' as const),
    position: fc.maxSafeNat(),
    gateway: text,
    boot: text,
    channel: text,
    gap: fc.record({ firstSequence: fc.maxSafeNat(), count: fc.maxSafeNat(), from: time, to: time, cause: text }),
  }),
  fc.record({
    kind: fc.constant('given-up' as const),
    position: fc.maxSafeNat(),
    gateway: text,
    boot: text,
    gaps: fc.array(
      fc.record({
        channel: text,
        firstSequence: fc.maxSafeNat(),
        count: fc.maxSafeNat(),
        from: time,
        to: time,
        cause: text,
      }),
    ),
  }),
);

t.test('an item of the feed is the same after the wire', async (t) => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 5 }), (items) => {
      const sent: PullBlocksResponseMessage = { feed: 'f', items: items.map(encodeFeedItem), complete: true };
      const got = overTheWire('PullBlocks', sent);
      t.same(got.items.map(decodeFeedItem), items);
      t.equal(got.complete, true);
    }),
    { numRuns: 200 },
  );
});

t.test('a version of the past is the same after the wire, its channels by name', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e9), text, text, terms, async (id, gateway, boot, each) => {
      const telemetry = new MemoryTelemetry();
      const channels = ['a', 'b'].map((name) => telemetry.add(name, function* () {}).id);
      telemetry.pasts.push({ ...each, id: id + 1, gateway, boot, channels });
      const page = await answerListVersions(telemetry, { gateway: '', after: 0 });
      const got = overTheWire<ListVersionsResponseMessage>('ListVersions', page);
      t.same(got.versions.map(decodeVersion), [{ ...each, id: id + 1, gateway, boot, channels: ['a', 'b'] }]);
    }),
    { numRuns: 100 },
  );
});

t.test('versions come a page at a time, and of one gateway where that is asked for', async (t) => {
  const telemetry = new MemoryTelemetry();
  const spans = { arrival: [], device: [] };
  for (let id = 1; id <= 5; id += 1) {
    const recipe = { kind: 'test', long: 'x'.repeat(400_000) };
    telemetry.pasts.push({
      id,
      gateway: id === 3 ? 'other' : 'box',
      boot: 'b',
      version: id,
      made: 0,
      spans,
      channels: [],
      recipe,
    });
  }
  const page = await answerListVersions(telemetry, { gateway: 'box', after: 0 });
  t.same([page.versions.map(({ id }) => id), page.more], [[1, 2], true]);
  const rest = await answerListVersions(telemetry, { gateway: 'box', after: 2 });
  t.same([rest.versions.map(({ id }) => id), rest.more], [[4, 5], false]);
  t.throws(() => decodeVersion({ ...(page.versions[0] as VersionMessage), recipe: '{"x":' }), { code: 'peer-invalid' });
  t.throws(() => decodeVersion({ ...(page.versions[0] as VersionMessage), recipe: '{}' }), { code: 'peer-invalid' });
});

t.test('an item of a kind that is not known here is refused by its position', async (t) => {
  t.throws(() => decodeFeedItem({ position: 7 }), { code: 'peer-invalid', message: /item 7/ });
});

t.test('a status is the same after the wire', async (t) => {
  for (const status of [exampleStatus(), exampleStatus('hq', 'central')]) {
    const got = overTheWire<StatusMessage>('GetStatus', encodeStatus(status));
    t.same(decodeStatus(got), status);
  }
  const got = overTheWire<StatusMessage>('GetStatus', encodeStatus(exampleStatus()));
  t.throws(() => decodeStatus({ ...got, role: 'ROLE_LATER' as 'ROLE_GATEWAY' }), { code: 'peer-invalid' });
  t.throws(() => decodeStatus({ ...got, store: null }), { code: 'peer-invalid' });
});

/** Minus zero, signalling and quiet NaN with payloads, infinity, the least denormal. */
const ODD_BITS = [1n << 63n, 0x7ff0000000000001n, 0xfff8dead0000beefn, 0x7ff0000000000000n, 1n];

t.test('a column keeps every bit, wherever its bytes lie', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(...ODD_BITS))),
      fc.nat(9),
      (bits, shift) => {
        const column = new Float64Array(new BigUint64Array(bits).buffer);
        const bytes = Buffer.concat([Buffer.alloc(shift), encodeColumn(column)]).subarray(shift);
        const got = new BigUint64Array(decodeColumn(bytes).buffer);
        t.same([...got], bits);
      },
    ),
  );
  t.throws(() => decodeColumn(new Uint8Array(9)), { code: 'peer-invalid', message: /9 bytes/ });
});
