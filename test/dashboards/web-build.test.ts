import { readFileSync } from 'node:fs';
import { extname, relative } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import t from 'tap';
import { builtWeb, filesBelow } from './web-build.ts';

/** Bytes after brotli of everything that the first screen loads. */
const FIRST_SCREEN_BYTES_MAX = 60_000;

const folder = await builtWeb();
const files = filesBelow(folder).map((path) => ({ name: relative(folder, path), bytes: readFileSync(path) }));

t.test('the first screen has at most 60 kB after brotli', async (t) => {
  const sizes = files.map(({ bytes }) => brotliCompressSync(bytes).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  t.ok(total <= FIRST_SCREEN_BYTES_MAX, `${total} bytes in ${files.length} files`);
});

t.test('the page has nothing inline that the policy would refuse', async (t) => {
  const page = files.find(({ name }) => name === 'index.html')?.bytes.toString() ?? '';
  t.match(page, '<script type="module"');
  t.notMatch(page, /<script(?![^>]*\bsrc=)[^>]*>/);
  t.notMatch(page, /<style|style=|\son[a-z]+=/);
});

t.test('nothing in the build names an address to load from outside', async (t) => {
  // Namespaces of SVG and the like are names, never loaded.
  const allowed = /^https?:\/\/(www\.w3\.org\/)/;
  for (const { name, bytes } of files.filter((file) => ['.html', '.css', '.js'].includes(extname(file.name)))) {
    const found = bytes.toString().match(/(?:https?:)?\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s"'`)]*/gi) ?? [];
    t.same(
      found.filter((address) => !allowed.test(address)),
      [],
      name,
    );
  }
});
