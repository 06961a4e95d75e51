import t from 'tap';
import { loadProtos } from '../../../sync/api/descriptor.ts';
import { ACCESS, accessRefusal, requestRefusal } from '../../../sync/trust/access.ts';
import type { Peer } from '../../../sync/trust/verify-peer.ts';

const peer = (role: Peer['role'], name: string): Peer => ({ role, name, serial: '1', expiresMs: 0 });
const CALLERS = {
  stranger: undefined,
  'own gateway': peer('gateway', 'car7'),
  'other gateway': peer('gateway', 'car8'),
  central: peer('central', 'hub'),
  reader: peer('reader', 'anna'),
  backup: peer('backup', 'vault'),
} as const;

/** Paths of every call that a server has. */
function paths(): string[] {
  const services = Object.entries(loadProtos()).filter(([, each]) => !('format' in each));
  const own = services.flatMap(([, service]) => Object.values(service).map((method) => String(method.path)));
  const reflection = ['v1', 'v1alpha'].map((v) => `/grpc.reflection.${v}.ServerReflection/ServerReflectionInfo`);
  return [...own, ...reflection];
}

t.test('every call has its row, and no row is of a call that is not there', async (t) => {
  t.same(Object.keys(ACCESS).sort(), paths().sort(), 'a new call says in access.ts who may make it');
});

t.test('who may call what', async (t) => {
  const permitted = (path: string, server: 'car7' | 'hub') => {
    const at =
      server === 'hub' ? ({ role: 'central', name: 'hub' } as const) : ({ role: 'gateway', name: 'car7' } as const);
    return Object.entries(CALLERS)
      .filter(([, caller]) => accessRefusal(path, caller, at) === undefined)
      .map(([name]) => name);
  };
  const telemetry = (name: string) => `/caisson.v1.Telemetry/${name}`;
  for (const name of ['Query', 'Sql', 'Subscribe']) {
    t.same(permitted(telemetry(name), 'car7'), ['own gateway', 'central', 'reader'], name);
    t.same(permitted(telemetry(name), 'hub'), ['central', 'reader'], name);
  }
  for (const name of ['ListChannels', 'GetDigests', 'GetLedger', 'GetStatus']) {
    t.same(permitted(telemetry(name), 'car7'), ['own gateway', 'central', 'reader', 'backup'], name);
    t.same(permitted(telemetry(name), 'hub'), ['central', 'reader', 'backup'], name);
  }
  t.same(
    permitted(telemetry('PullBlocks'), 'car7'),
    ['central', 'backup'],
    'who keeps copies pulls, and changes nothing',
  );
  t.same(permitted(telemetry('GetPlace'), 'car7'), ['central', 'backup']);
  t.same(
    permitted(telemetry('PullGateway'), 'hub'),
    ['own gateway', 'other gateway', 'backup'],
    'its own store, see below',
  );
  t.same(permitted(telemetry('PullGateway'), 'car7'), []);
  t.same(
    permitted(telemetry('BringCourier'), 'hub'),
    ['own gateway', 'other gateway', 'central'],
    'those who are believed',
  );
  t.same(
    permitted(telemetry('BringCourier'), 'car7'),
    ['own gateway', 'other gateway'],
    'a relay believes nothing of it',
  );
  const relay = (name: string) => `/caisson.v1.Relay/${name}`;
  t.same(permitted(relay('AskCarried'), 'car7'), ['own gateway', 'other gateway']);
  for (const name of ['ListCarried', 'TakeCarried', 'AnswerCarried']) {
    t.same(permitted(relay(name), 'car7'), ['central'], name);
    t.same(permitted(relay(name), 'hub'), [], name);
  }
  for (const name of ['Transfer', 'Acknowledge']) {
    t.same(permitted(telemetry(name), 'car7'), ['central'], name);
    t.same(permitted(telemetry(name), 'hub'), ['central'], name);
  }
  t.same(
    permitted('/caisson.v1.Fleet/ListBoxes', 'hub'),
    ['central', 'reader', 'backup'],
    'who may see the ledger is told what is in none of it',
  );
  t.same(permitted('/caisson.v1.Trust/Enroll', 'hub'), Object.keys(CALLERS), 'who has no certificate yet, gets one');
  t.same(permitted('/caisson.v1.Trust/Enroll', 'car7'), []);
  t.same(permitted('/caisson.v1.Trust/Refresh', 'hub'), [
    'own gateway',
    'other gateway',
    'central',
    'reader',
    'backup',
  ]);
  t.same(permitted('/somebody.Else/Does', 'car7'), [], 'what is not known, nobody may');
});

t.test('no stranger may make any call but to enrol, and no reader one that changes anything', async (t) => {
  const central = { role: 'central', name: 'hub' } as const;
  const gateway = { role: 'gateway', name: 'car7' } as const;
  for (const path of paths()) {
    if (!path.endsWith('/Enroll')) {
      t.ok(accessRefusal(path, undefined, central), path);
      t.ok(accessRefusal(path, undefined, gateway), path);
    }
  }
  t.ok(accessRefusal('/caisson.v1.Telemetry/Acknowledge', CALLERS.reader, gateway));
});

t.test('a central says only of itself what is durable', async (t) => {
  const path = '/caisson.v1.Telemetry/Acknowledge';
  t.equal(requestRefusal(path, CALLERS.central, { follower: 'hub' }), undefined);
  const lost = '/caisson.v1.Telemetry/PullGateway';
  t.equal(requestRefusal(lost, CALLERS['own gateway'], { gateway: 'car7' }), undefined);
  t.equal(requestRefusal(lost, CALLERS.backup, { gateway: 'car7' }), undefined, 'who keeps copies');
  t.match(requestRefusal(lost, CALLERS['other gateway'], { gateway: 'car7' }), { code: 'access-refused' });
  t.match(requestRefusal(path, CALLERS.central, { follower: 'regulator' }), {
    code: 'access-refused',
    message: /central hub speaks for 'regulator'/,
  });
});
