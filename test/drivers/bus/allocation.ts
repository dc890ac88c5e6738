/** That a cycle of servos allocates nothing, and that this would be noticed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** B a cycle: what V8 allocates by itself. */
const BUDGET = 16;

/** `child` is the compiled program that prints what a cycle takes, its servos at step 2048. */
export function allocatesNothing(what: string, child: URL): void {
  const measure = (...args: string[]): { bytes: number; read: number; position: number } =>
    JSON.parse(
      execFileSync(process.execPath, ['--expose-gc', fileURLToPath(child), ...args], { encoding: 'utf8' }),
    );

  it(`a cycle of ${what} allocates nothing between the wire and the reading`, () => {
    const { bytes, read, position } = measure();
    assert.ok(read >= 50_000 && position === 2048, 'every cycle was answered');
    assert.ok(bytes <= BUDGET, `${bytes} B a cycle`);
  });

  it('one object a cycle is noticed', () => {
    assert.ok(measure('litter').bytes > BUDGET);
  });
}
