import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const ACCESS_KEY = 'AKIDEXAMPLE';
export const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
export const REGION = 'eu-central-1';

/** Keys of one page of a list. */
const PAGE_KEYS = 2;

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Uint8Array, data: string) => createHmac('sha256', key).update(data).digest();

/**
 * As much of the S3 API as an export needs, with signatures (AWS Signature Version 4) checked from the specification: those of
 * what is in the request as well as that of the body.
 */
export class S3Server {
  readonly objects = new Map<string, Buffer>();
  /** Answers the next requests with this status instead; the last one stays in force. */
  refusing: number | undefined;
  requests = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return; // A PUT that was broken off leaves nothing.
    }
    const body = Buffer.concat(pieces);
    const answer = (status: number, text: string | Buffer = '') => response.writeHead(status).end(text);
    if (this.refusing !== undefined) return void answer(this.refusing, '<Error><Code>SlowDown</Code></Error>');
    const problem = signatureProblem(request, body);
    if (problem !== undefined) return void answer(403, `<Error><Code>${problem}</Code></Error>`);
    const url = new URL(request.url ?? '/', 'http://s3');
    const key = decodeURIComponent(url.pathname.slice(1));
    if (request.method === 'PUT') this.objects.set(key, body);
    else if (request.method === 'DELETE') this.objects.delete(key);
    else if (url.searchParams.get('list-type') === '2') return void answer(200, this.#list(key, url.searchParams));
    else if (!this.objects.has(key)) return void answer(404, '<Error><Code>NoSuchKey</Code></Error>');
    answer(200, request.method === 'GET' ? this.objects.get(key) : '');
  }

  #list(bucket: string, params: URLSearchParams): string {
    const prefix = `${bucket}/${params.get('prefix') ?? ''}`;
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const start = Number(params.get('continuation-token')?.slice(1) ?? 0);
    const page = keys.slice(start, start + PAGE_KEYS).map((key) => key.slice(bucket.length + 1));
    const next =
      start + PAGE_KEYS < keys.length ? `<NextContinuationToken>&amp;${start + PAGE_KEYS}</NextContinuationToken>` : '';
    const contents = page.map((key) => `<Contents><Key>${key.replaceAll('&', '&amp;')}</Key></Contents>`).join('');
    return `<ListBucketResult>${contents}${next}</ListBucketResult>`;
  }
}

/** What is wrong with the signature of a request; undefined where nothing is. */
function signatureProblem(request: IncomingMessage, body: Buffer): string | undefined {
  const authorization = request.headers.authorization ?? '';
  const [, keyId, date, region, names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      authorization,
    ) ?? [];
  if (keyId !== ACCESS_KEY) return 'InvalidAccessKeyId';
  if (region !== REGION) return 'AuthorizationHeaderMalformed';
  if (!names.split(';').includes('host') || !names.split(';').includes('x-amz-content-sha256'))
    return 'HeadersNotSigned';
  if (request.headers['x-amz-content-sha256'] !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const canonical = [
    request.method,
    path,
    query.split('&').sort().join('&'),
    ...names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    names,
    sha256(body),
  ].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const stamp = String(request.headers['x-amz-date']);
  const text = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n');
  const key = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${SECRET_KEY}`, date ?? ''), region ?? ''));
  return hmac(key, text).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}
