import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { ControlLease } from '../../src/session/lease.ts';

const ada = { connection: 1, client: 1 };
const bob = { connection: 1, client: 2 };
const refuses = (code: string) => (error: unknown) => error instanceof ArmloopError && error.code === code;

test('one operator has the lease; it ends by release, silence, or with its server; numbers are never used again', () => {
  const lease = new ControlLease(0.5, 100);
  assert.equal(lease.id, 0);
  assert.throws(() => lease.need(undefined), refuses('LEASE_NEEDED'));
  assert.equal(lease.take(ada, 'Ada', 10).id, 100);
  assert.throws(() => lease.take(bob, 'Bob', 10), refuses('LEASE_TAKEN'));
  assert.throws(() => lease.take({ connection: 2, client: 1 }, 'Ada', 10), refuses('LEASE_TAKEN'));
  assert.equal(lease.need(100).operator, 'Ada');
  assert.throws(() => lease.need(99), refuses('LEASE_NEEDED'));

  // Taking it again gives a fresh number, which a lost operator needs in order to go on.
  assert.equal(lease.take(ada, 'Ada', 10.1).id, 101);
  assert.throws(() => lease.need(100), refuses('LEASE_NEEDED'));

  assert.equal(lease.hear(bob, 10.5), 0);
  assert.equal(lease.hear(ada, 10.5), 101);
  assert.equal(lease.expire(10.99), null);
  assert.equal(lease.expire(11.01)?.id, 101);
  assert.equal(lease.id, 0);
  assert.equal(lease.hear(ada, 11.02), 0);

  assert.equal(lease.take(bob, 'Bob', 12).id, 102);
  assert.equal(lease.release(ada), null);
  assert.equal(lease.releaseAll(2), null);
  assert.equal(lease.releaseAll(1)?.id, 102);
  assert.equal(lease.take(ada, 'Ada', 13).id, 103);
  assert.equal(lease.release(ada)?.id, 103);
  assert.equal(lease.held, null);
});
