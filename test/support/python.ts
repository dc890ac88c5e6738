/** Finds a Python that has the packages which a test compares with. `.ci/run` installs one from test/interop. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/root.ts';

export type PythonPeer =
  | { readonly python: string; readonly skip: false }
  | { readonly python: ''; readonly skip: string };

/**
 * A Python that imports all the modules, or why there is none: pass `skip` to a test's options. Looked for in
 * ARMLOOP_PYTHON, in .cache/python (made by .ci/run) and on PATH.
 */
export function findPython(modules: readonly string[]): PythonPeer {
  const own = join(packageRoot(), '.cache', 'python', 'bin', 'python');
  const candidates = [process.env['ARMLOOP_PYTHON'] ?? '', existsSync(own) ? own : '', 'python3'];
  for (const python of candidates) {
    if (python === '') continue;
    try {
      execFileSync(python, ['-c', modules.map((m) => `import ${m}`).join('\n')], { stdio: 'ignore' });
      return { python, skip: false };
    } catch {
      // The next one may have them.
    }
  }
  const what = `no Python with ${modules.join(', ')}`;
  return { python: '', skip: `${what}: pip install -r test/interop/requirements.txt, or run .ci/run` };
}
