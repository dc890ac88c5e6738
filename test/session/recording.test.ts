import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ArmloopError } from '../../src/errors.ts';
import type { EpisodeRecorder } from '../../src/session/host.ts';
import { RecordingFlow } from '../../src/session/recording.ts';

/** A recorder that insists on its own order of calls. */
class StrictRecorder implements EpisodeRecorder {
  readonly calls: string[] = [];
  #state = 'idle';
  #count = 0;
  failStart = false;

  #step(call: string, from: readonly string[], to: string): void {
    assert.ok(from.includes(this.#state), `${call} while ${this.#state}`);
    this.calls.push(call);
    this.#state = to;
  }
  async start(): Promise<string> {
    if (this.failStart) throw new Error('disk full');
    this.#step('start', ['idle'], 'open');
    return `episode-${++this.#count}`;
  }
  async stop(): Promise<void> {
    this.#step('stop', ['open'], 'stopped');
  }
  async close(label: string): Promise<void> {
    this.#step(`close ${label}`, ['stopped'], 'idle');
  }
  async discard(): Promise<void> {
    this.#step('discard', ['stopped'], 'idle');
  }
  log(): void {}
}

const start = { task: 'pick', operator: 'Ada', seed: 3 };
const wrong = (error: unknown) => error instanceof ArmloopError && error.code === 'RECORDING_STATE';

test('an episode goes idle → recording → review → idle, and what fits not is refused without effect', async () => {
  const recorder = new StrictRecorder();
  const flow = new RecordingFlow(recorder);
  await assert.rejects(flow.stop(), wrong);
  await assert.rejects(flow.label('success', ''), wrong);
  await assert.rejects(flow.discard(), wrong);
  recorder.failStart = true;
  await assert.rejects(flow.start(start, 1), /disk full/);
  assert.equal(flow.state, 'idle');
  recorder.failStart = false;
  assert.equal(await flow.start(start, 1), 'episode-1');
  assert.deepEqual(
    [flow.state, flow.episode, flow.task, flow.operator],
    ['recording', 'episode-1', 'pick', 'Ada'],
  );
  await assert.rejects(flow.start(start, 1), wrong);
  await assert.rejects(flow.label('success', ''), wrong);
  assert.equal(await flow.stop(), 'episode-1');
  await assert.rejects(flow.stop(), wrong);
  assert.equal(await flow.label('failure', 'slipped'), 'episode-1');
  assert.deepEqual([flow.state, flow.episode], ['idle', null]);
  await flow.start(start, 2);
  assert.equal(await flow.discard(), 'episode-2');
  await flow.start(start, 3);
  await flow.finish('the end');
  assert.deepEqual(recorder.calls, [
    'start',
    'stop',
    'close failure',
    'start',
    'stop',
    'discard',
    'start',
    'stop',
    'close unlabelled',
  ]);
});

test('whatever is asked in whatever order, the recorder is never called out of its own', async () => {
  const steps = ['start', 'stop', 'label', 'discard', 'finish'] as const;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...steps), { maxLength: 40 }), async (asked) => {
      const flow = new RecordingFlow(new StrictRecorder());
      for (const step of asked) {
        const before = flow.state;
        const done: Promise<unknown> =
          step === 'start'
            ? flow.start(start, 0)
            : step === 'label'
              ? flow.label('success', '')
              : step === 'finish'
                ? flow.finish('')
                : flow[step]();
        const refused = await done.then(
          () => false,
          (error: unknown) => {
            assert.ok(wrong(error), String(error));
            return true;
          },
        );
        if (refused) assert.equal(flow.state, before);
        assert.equal(flow.episode === null, flow.state === 'idle');
      }
    }),
    { seed: 7, numRuns: 200 },
  );
});
