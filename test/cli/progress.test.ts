import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clockText } from '../../src/cli/progress.ts';

it('times that are left, and the words that a bar has for one it cannot tell', () => {
  assert.deepEqual(
    [0, 59.6, 61, 3600, 37_230, 'INF', 'NULL', Number.NaN, Number.POSITIVE_INFINITY].map(clockText),
    ['0:00', '1:00', '1:01', '1:00:00', '10:20:30', '–', '–', '–', '–'],
  );
});
