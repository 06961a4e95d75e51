import './styles.css';

/** Pages by their path; a page loads only what it shows. The server answers all of these paths with the same document. */
const PAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  '/': () => import('./live/main.tsx'),
  '/fleet.html': () => import('./fleet/main.tsx'),
};

await (PAGES[location.pathname] ?? PAGES['/'])?.();
