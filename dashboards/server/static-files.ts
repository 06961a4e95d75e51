import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { CaissonError } from '../../gateway/errors.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
};

/** Bytes of the whole built app; more is not a dashboard's build but a wrong folder. */
const APP_BYTES_MAX = 16 * 1024 * 1024;

/** Files below `assets/` carry a hash of their content in their name. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
const REVALIDATE = 'no-cache';

/** Paths that one document serves: its script shows the page that the path names. */
const PAGES = ['/', '/fleet.html'] as const;

/** How the content of a file goes out, as `Content-Encoding` says it. */
export type Encoding = 'br' | 'gzip' | 'identity';

/** One file of the app. */
export interface StaticFile {
  readonly mediaType: string;
  readonly cacheControl: string;
  readonly etag: string;
  /** What is sent. Compressed when the first one asks and kept: at the start it would be most of what a start computes. */
  body(encoding: Encoding): Promise<Uint8Array>;
}

/**
 * The built app in memory, by URL path; pages are index.html.
 * @throws CaissonError `dashboard-missing` when the folder has no index.html
 */
export async function loadStaticFiles(webRoot: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  let bytes = 0;
  for (const path of await filesIn(webRoot)) {
    const mediaType = MEDIA_TYPES[extname(path)];
    if (mediaType === undefined) continue;
    const plain = await readFile(path);
    bytes += plain.length;
    if (bytes > APP_BYTES_MAX) {
      throw new CaissonError('dashboard-missing', `${webRoot} holds more than ${APP_BYTES_MAX} bytes`, { hint: HINT });
    }
    const name = relative(webRoot, path).split(sep).join('/');
    files.set(`/${name}`, staticFile(plain, mediaType, name.startsWith('assets/')));
  }
  const index = files.get('/index.html');
  if (index === undefined) {
    throw new CaissonError('dashboard-missing', `${webRoot} has no index.html`, { hint: HINT });
  }
  for (const page of PAGES) files.set(page, index);
  return files;
}

const HINT = 'build it with: npx vite build dashboards/web';

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (cause) {
    throw new CaissonError('dashboard-missing', `${folder} cannot be read`, { cause, hint: HINT });
  }
}

function staticFile(plain: Uint8Array, mediaType: string, isHashed: boolean): StaticFile {
  const bodies = new Map<Encoding, Promise<Uint8Array>>();
  return {
    mediaType,
    cacheControl: isHashed ? IMMUTABLE : REVALIDATE,
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
    body: (encoding) => {
      const body = bodies.get(encoding) ?? encoded(plain, encoding);
      bodies.set(encoding, body);
      return body;
    },
  };
}

async function encoded(plain: Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  if (encoding === 'identity') return plain;
  if (encoding === 'gzip') return promisify(gzip)(plain, { level: 9 });
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  return promisify(brotliCompress)(plain, { params });
}

/** The form of a file that the client says it takes: brotli before gzip before plain. */
export function encodingFor(acceptEncoding: string): Encoding {
  const accepted = acceptedEncodings(acceptEncoding);
  if (accepted.has('br')) return 'br';
  return accepted.has('gzip') ? 'gzip' : 'identity';
}

/** The encodings that a client says it takes (RFC 9110, 12.5.3). */
export function acceptedEncodings(acceptEncoding: string): ReadonlySet<string> {
  const accepted = new Set<string>();
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) accepted.add(name);
  }
  return accepted;
}
