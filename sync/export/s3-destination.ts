import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { AwsV4Signer } from 'aws4fetch';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { makeTempFolder } from '../../gateway/temp-folder.ts';
import type { Destination } from './destination.ts';

/** A request that says nothing for so long is given up, milliseconds. */
const SILENT_MS = 60_000;

const EMPTY_SHA256 = createHash('sha256').digest('hex');

export interface S3Options {
  /** Of the service, such as https://s3.eu-central-1.amazonaws.com; buckets are the first part of its paths. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** What every key begins with; empty, or without a `/` at its end. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

interface Body {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** An export in a bucket of the S3 API. An object is there when its PUT has ended, and its content was signed. */
export class S3Destination implements Destination {
  readonly workFolder = makeTempFolder('export');
  readonly #options: S3Options;

  constructor(options: S3Options) {
    this.#options = options;
  }

  async put(path: string, file: string): Promise<void> {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    const { size: bytes } = await stat(file);
    await this.#ask('PUT', this.#urlOf(path), [200], { file, bytes, sha256: hash.digest('hex') });
  }

  async get(path: string): Promise<string | undefined> {
    const { status, body } = await this.#ask('GET', this.#urlOf(path), [200, 404]);
    return status === 404 ? undefined : body;
  }

  async list(): Promise<string[]> {
    const { prefix } = this.#options;
    const paths: string[] = [];
    for (let token: string | undefined; ; ) {
      const url = this.#urlOf(undefined);
      // Not by URLSearchParams: it writes a space as +, which is signed as %20.
      const params: Record<string, string> = { 'list-type': '2' };
      if (prefix !== '') params.prefix = `${prefix}/`;
      if (token !== undefined) params['continuation-token'] = token;
      url.search = Object.entries(params)
        .map(([name, value]) => `${name}=${encodePart(value)}`)
        .join('&');
      const { body } = await this.#ask('GET', url, [200]);
      for (const [, key = ''] of body.matchAll(/<Key>([^<]*)<\/Key>/g)) {
        paths.push(plainText(key).slice(prefix === '' ? 0 : prefix.length + 1));
      }
      token = /<NextContinuationToken>([^<]*)</.exec(body)?.[1];
      if (token === undefined) return paths;
      token = plainText(token);
    }
  }

  async remove(path: string): Promise<void> {
    await this.#ask('DELETE', this.#urlOf(path), [200, 204, 404]);
  }

  #urlOf(path: string | undefined): URL {
    const { endpoint, bucket, prefix } = this.#options;
    const parts = [bucket, ...prefix.split('/'), ...(path?.split('/') ?? [])].filter((part) => part !== '');
    const url = new URL(endpoint);
    url.pathname = `/${(path === undefined ? [bucket] : parts).map(encodePart).join('/')}`;
    return url;
  }

  async #ask(
    method: string,
    url: URL,
    expected: readonly number[],
    body?: Body,
  ): Promise<{ status: number; body: string }> {
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#options;
    const signer = new AwsV4Signer({
      ...{ method, url: url.href, accessKeyId, secretAccessKey, region, service: 's3' },
      ...(sessionToken !== undefined && { sessionToken }),
      headers: { 'X-Amz-Content-Sha256': body?.sha256 ?? EMPTY_SHA256 },
    });
    const signed = await signer.sign();
    const headers: Record<string, string> = { 'Content-Length': String(body?.bytes ?? 0) };
    signed.headers.forEach((value, name) => {
      headers[name] = value;
    });
    try {
      const response = await send(method, signed.url, headers, body?.file);
      const answer = { status: response.statusCode ?? 0, body: await text(response) };
      if (expected.includes(answer.status)) return answer;
      throw refused(method, url, answer);
    } catch (error) {
      if (error instanceof CaissonError) throw error;
      throw new CaissonError('export-failed', `${method} ${url.href}: ${messageOf(error)}`, {
        cause: error,
        retryable: true,
      });
    }
  }
}

function send(method: string, url: URL, headers: Record<string, string>, file?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const sent = request(url, { method, headers, timeout: SILENT_MS }, resolve);
    sent.once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${SILENT_MS} ms`)));
    if (file === undefined) sent.end();
    else pipeline(createReadStream(file), sent).catch(reject);
  });
}

function refused(method: string, url: URL, { status, body }: { status: number; body: string }): CaissonError {
  const code = /<Code>([^<]*)</.exec(body)?.[1];
  const problem = `${method} ${url.origin}${url.pathname} was answered with ${status}${code === undefined ? '' : ` ${code}`}`;
  return new CaissonError('export-failed', problem, {
    retryable: status >= 500 || status === 429,
    ...(status === 403 && { hint: 'are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION those of the bucket?' }),
  });
}

/** As S3 signs keys: every character but the unreserved ones. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function plainText(xml: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return xml.replace(/&(\w+|#\d+);/g, (whole, name: string) =>
    name.startsWith('#') ? String.fromCodePoint(Number(name.slice(1))) : (entities[name] ?? whole),
  );
}
