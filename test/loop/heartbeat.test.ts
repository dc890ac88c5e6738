import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Heartbeat } from '../../src/loop/heartbeat.ts';

it('what shows no beat at so many looks in a row is dead, and it is said for how long', () => {
  const heart = new Heartbeat(3, 7, 10);
  assert.equal(heart.look(8, 10.1), null);
  assert.equal(heart.look(8, 10.2), null);
  assert.equal(heart.look(8, 10.3), null);
  assert.equal(heart.look(9, 10.4), null, 'a beat begins the count anew');
  assert.equal(heart.look(9, 10.5), null);
  assert.equal(heart.look(9, 10.6), null);
  const silence = heart.look(9, 10.7);
  assert.ok(silence !== null && Math.abs(silence - 0.3) < 1e-9, `${silence} s`);
});

it('a process that was suspended as a whole is not taken for dead when it goes on', () => {
  const heart = new Heartbeat(10, 0, 0);
  assert.equal(heart.look(1, 0.05), null);
  // A minute later the first look may come before the first beat.
  assert.equal(heart.look(1, 60), null);
  assert.equal(heart.look(2, 60.05), null);
});
