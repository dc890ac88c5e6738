import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CameraSchedule, RateMeter } from '../../src/rig/camera-schedule.ts';

test('frames stand on a raster; a late one does not push the next', () => {
  const s = new CameraSchedule(10, 5);
  assert.equal(s.take(5), true);
  assert.equal(s.take(5.05), false);
  assert.equal(s.take(5.17), true);
  assert.ok(Math.abs(s.next - 5.2) < 1e-12);
  assert.deepEqual([s.seq, s.dropped], [2, 0]);
});

test('whole missed periods are skipped, counted and numbered', () => {
  const s = new CameraSchedule(10, 0);
  s.take(0);
  assert.equal(s.take(0.45), true);
  assert.deepEqual([s.seq, s.dropped], [5, 3]);
  assert.ok(Math.abs(s.next - 0.5) < 1e-12);
  s.drop();
  assert.deepEqual([s.seq, s.dropped], [5, 4]);
});

test('a frame with nothing new does not count', () => {
  const s = new CameraSchedule(10, 0);
  s.take(0);
  s.forget();
  assert.deepEqual([s.seq, s.dropped], [0, 0]);
});

test('stopped cameras are never due; a start begins a new raster', () => {
  const s = new CameraSchedule(10, 0);
  s.stop();
  assert.equal(s.next, Number.POSITIVE_INFINITY);
  assert.equal(s.take(100), false);
  s.start(100);
  assert.equal(s.take(100), true);
  assert.equal(s.dropped, 0);
  s.setFps(50, 100.01);
  assert.equal(s.take(100.01), true);
  assert.ok(Math.abs(s.next - 100.03) < 1e-12);
});

test('the rate counts a window of two seconds and falls when frames stop', () => {
  const meter = new RateMeter();
  assert.equal(meter.rate(0), 0);
  for (let i = 0; i <= 60; i++) meter.add(i / 20);
  assert.ok(Math.abs(meter.rate(3) - 20) < 1);
  assert.ok(Math.abs(meter.rate(4) - 10) < 1);
  assert.equal(meter.rate(6), 0);
});
