import { fileURLToPath } from 'node:url';

/** The built web app lies beside the compiled code. */
export const WEB_ROOT = fileURLToPath(new URL('../../dashboards/web', import.meta.url));
