/** npm run build: installs and builds what changed. */
import { prepare, say } from './lib.mjs';

await prepare();
say('everything is built');
