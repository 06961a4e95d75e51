import { Metadata } from '@grpc/grpc-js';
import t from 'tap';
import type { ConfigAnswer } from '../../../gateway/config/offer/offer.ts';
import { nameDestination } from '../../../sync/destinations/caller.ts';
import { configPermission } from '../../../sync/destinations/config-permission.ts';
import type { DestinationsConfig } from '../../../sync/destinations/destination-config.ts';
import { secureClient } from '../../../sync/trust/secure-client.ts';
import { HOST, startGatewayServer, TrustedCentral } from '../trust/trusted.ts';

const DESTINATIONS: DestinationsConfig = {
  hub: { config: 'enrolled' },
  near: { config: 'declared' },
  shut: { config: 'refuse' },
  silent: {},
};

/** What a caller may write itself. */
function saying(name: string | undefined, forged?: object): Metadata {
  const metadata = new Metadata();
  if (name !== undefined) nameDestination(metadata, name);
  if (forged !== undefined) metadata.set('caisson-caller-bin', Buffer.from(JSON.stringify(forged)));
  return metadata;
}

const WITHOUT_CERTIFICATES: readonly [string, Metadata, string | undefined][] = [
  ['a central that may declare itself', saying('near'), 'near'],
  ['a central that needs a certificate', saying('hub'), undefined],
  ['a central that forges one', saying('hub', { role: 'central', name: 'hub', serial: '1' }), undefined],
  ['a central that may not', saying('shut'), undefined],
  ['a central of which nothing is said', saying('silent'), undefined],
  ['a central that no config names', saying('stranger'), undefined],
  ['who says nothing', saying(undefined), undefined],
];

for (const [who, metadata, expected] of WITHOUT_CERTIFICATES) {
  t.test(`without certificates ${who} ${expected === undefined ? 'is refused' : 'is let in'}`, async (t) => {
    const mayAsk = configPermission(DESTINATIONS, false);
    if (expected === undefined) t.throws(() => mayAsk(metadata), { code: 'access-refused' });
    else t.equal(mayAsk(metadata), expected);
  });
}

t.test('with certificates the central of that name is let in, and nobody else', async (t) => {
  const hub = await TrustedCentral.start(t);
  const box = await hub.enrolled(t, 'car7');
  const answer: ConfigAnswer = { state: 'shown', why: '', digest: 'd', yaml: 'y: 1\n', changes: [], plan: '' };
  const asked: unknown[] = [];
  const { port } = await startGatewayServer(t, 'car7', box, {
    config: {
      mayAsk: configPermission(DESTINATIONS, true),
      ask: async (request) => {
        asked.push(request);
        return answer;
      },
    },
  });
  const as = (identity: Parameters<typeof secureClient>[1]) => {
    const client = secureClient({ host: HOST, port }, identity, { roles: ['gateway'] });
    t.teardown(() => client.close());
    return client;
  };
  const offer = { offer: 'o1', yaml: 'sources: {}', dryRun: true, watchSeconds: 0 };
  t.same(await as(hub.identity).config(), answer);
  t.same(await as(hub.identity).offerConfig(offer), answer);
  t.match(asked[1], { kind: 'offer', by: 'hub', offer: 'o1', dryRun: true, watchS: 120 });
  await t.rejects(as(hub.identity).offerConfig({ ...offer, offer: '../x' }), { code: 'offer-refused' });
  const others = [
    ['reader', 'anna'],
    ['central', 'silent'],
    ['central', 'near2'],
    ['gateway', 'car8'],
  ] as const;
  for (const [role, name] of others) {
    const identity = await hub.enrolled(t, name, role);
    await t.rejects(as(identity).offerConfig(offer), { code: 'access-refused' }, `${role} ${name}`);
  }
  await t.rejects(as(box).config(), { code: 'access-refused' }, 'the box itself');
  t.equal(asked.length, 2);
});
