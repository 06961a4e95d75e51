import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import t from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import { encodeErrorDetails, retryDelayIn } from '../../../sync/api/error-details.ts';
import { fromGrpcError, toGrpcStatus } from '../../../sync/api/grpc-status.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';

/** Another reader of the same protos. */
const ROOT = ['status', 'error_details'].reduce((root, name) => {
  const text = readFileSync(join(PROJECT_ROOT, `sync/proto/google/rpc/${name}.proto`), 'utf8');
  return protobuf.parse(text, root).root;
}, new protobuf.Root());
for (const name of ['any', 'duration'])
  ROOT.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});

interface Details {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly type_url: string; readonly value: Uint8Array }[];
}

function read(bytes: Uint8Array): { status: Details; byType: Map<string, object> } {
  const decoded = ROOT.lookupType('google.rpc.Status').decode(bytes) as unknown as Details;
  const byType = new Map(
    decoded.details.map(({ type_url: url, value }) => {
      const name = url.replace('type.googleapis.com/', '');
      return [name, ROOT.lookupType(name).decode(value).toJSON()];
    }),
  );
  return { status: decoded, byType };
}

t.test('another reader finds in the details what failed, what to do and when to try again', async (t) => {
  const error = new CaissonError('server-busy', 'no room', { hint: 'wait', retryAfterMs: 2_500 });
  const { status: decoded, byType } = read(encodeErrorDetails(status.RESOURCE_EXHAUSTED, error));
  t.match(decoded, { code: 8, message: 'no room' });
  t.same(byType.get('google.rpc.ErrorInfo'), { reason: 'SERVER_BUSY', domain: 'caisson', metadata: { hint: 'wait' } });
  t.same(byType.get('google.rpc.RetryInfo'), { retryDelay: { seconds: '2', nanos: 500_000_000 } });
});

t.test('what will fail again says nothing of trying again', async (t) => {
  const { byType } = read(encodeErrorDetails(status.NOT_FOUND, new CaissonError('channel-unknown', 'no such channel')));
  t.same([...byType.keys()], ['google.rpc.ErrorInfo']);
});

t.test('an error comes through a call as it was, with the wait it asks for', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 86_400_000 }), fc.boolean(), (ms, isTold) => {
      const sent = new CaissonError('server-busy', 'no room', isTold ? { retryAfterMs: ms } : { retryable: true });
      const wire = Object.assign(new Error('8 RESOURCE_EXHAUSTED'), toGrpcStatus(sent));
      const got = fromGrpcError(wire, 'hq:7444');
      return got.code === 'server-busy' && got.retryable && got.retryAfterMs === (isTold ? ms : 1_000);
    }),
  );
  const final = fromGrpcError(
    Object.assign(new Error(), toGrpcStatus(new CaissonError('query-limit', 'too long'))),
    'x',
  );
  t.match(final, { code: 'query-limit', retryable: false, retryAfterMs: undefined });
});

t.test('details that are none are passed over', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const delay = retryDelayIn(Buffer.from(bytes));
      return delay === undefined || delay >= 0;
    }),
  );
  t.equal(retryDelayIn('text'), undefined);
  t.equal(retryDelayIn(undefined), undefined);
});
