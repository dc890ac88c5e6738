/**
 * The policy thread: feeds a pilot with every tick and every frame, has it look and think when that is due, and writes
 * its chunks into the loop's ring. It holds up nobody: while the model works, ticks and frames wait in their rings.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { LatestEnd, RingEnd, RingView } from '../loop/channel.ts';
import { monotonicClock } from '../loop/clock.ts';
import { loadKinematics } from '../model/load.ts';
import { loadBundle } from '../policy/bundle.ts';
import { PolicyPilot } from '../policy/pilot.ts';
import { PolicyRunner } from '../policy/runner.ts';
import { frameLayout } from '../robot/frame.ts';
import { answerOrder, type FromOrderThread, type ToOrderThread } from './order-thread.ts';
import type { PolicyOrder, PolicyWorkerData } from './policy-messages.ts';

type Incoming = ToOrderThread<PolicyOrder>;
type Outgoing = FromOrderThread<void, string>;

/** Rows are handed over this long before they take effect, s, and at least two periods. */
const LEAD = 0.003;
/** Longest sleeps while driving and while not, ms: so often ticks and frames are taken in. */
const DRIVING_MS = 10;
const IDLE_MS = 40;

class PolicyLoop {
  readonly #now = monotonicClock();
  readonly #data: PolicyWorkerData;
  readonly #post: (message: Outgoing) => void;
  readonly #ticks: RingView;
  readonly #frames: readonly RingView[];
  readonly #chunks: RingEnd;
  readonly #status: LatestEnd;
  readonly #lead: number;
  #runner: PolicyRunner | null = null;
  #pilot: PolicyPilot | null = null;
  #running = true;
  #told = '';
  #wake: (() => void) | null = null;
  /** Loading and running take turns. */
  #orders: Incoming[] = [];

  constructor(data: PolicyWorkerData, post: (message: Outgoing) => void) {
    this.#data = data;
    this.#post = post;
    this.#ticks = new RingView(data.ticks);
    this.#frames = data.frames.map((f) => new RingView(f));
    this.#chunks = new RingEnd(data.chunks);
    this.#status = new LatestEnd(data.status);
    this.#lead = Math.max(LEAD, 2 / data.spec.loop.rateHz);
  }

  handle(order: Incoming): void {
    this.#orders.push(order);
    this.#wake?.();
  }

  async run(): Promise<void> {
    while (this.#running) {
      for (let order = this.#orders.shift(); order !== undefined; order = this.#orders.shift()) {
        await this.#obey(order);
      }
      this.#takeIn();
      const pilot = this.#pilot;
      if (pilot !== null) {
        if (pilot.due <= this.#now()) {
          const answer = await pilot.compute();
          this.#takeIn();
          pilot.deliver(answer, this.#now() + this.#lead, this.#chunks);
        }
        this.#tell(pilot);
      }
      await this.#sleep(pilot);
    }
    await this.#unload();
  }

  async #obey(order: Incoming): Promise<void> {
    switch (order.type) {
      case 'load':
        await this.#unload();
        this.#post(await answerOrder(order.id, () => this.#load(order)));
        break;
      case 'unload':
        await this.#unload();
        this.#post({ type: 'done', id: order.id, result: undefined });
        break;
      case 'shutdown':
        this.#running = false;
        break;
      default:
        order satisfies never;
    }
  }

  async #load({ folder, request, threads }: Incoming & { type: 'load' }): Promise<void> {
    const { spec } = this.#data;
    this.#runner = await PolicyRunner.open(loadBundle(folder), { spec, request, threads });
    this.#pilot = new PolicyPilot(this.#runner, loadKinematics(spec));
    this.#told = '';
  }

  async #unload(): Promise<void> {
    const runner = this.#runner;
    this.#pilot = null;
    this.#runner = null;
    await runner?.[Symbol.asyncDispose]();
  }

  /** Everything that waits in the rings. */
  #takeIn(): void {
    const pilot = this.#pilot;
    for (let slot = this.#ticks.peek(); slot !== null; slot = this.#ticks.peek()) {
      pilot?.tick(slot.block);
      this.#ticks.release();
    }
    this.#frames.forEach((ring, camera) => {
      const { name } = this.#data.spec.cameras[camera]!;
      for (let slot = ring.peek(); slot !== null; slot = ring.peek()) {
        const { block, bytes } = slot;
        // Decoded later, when the slot may hold the next frame.
        pilot?.frame(name, block[FRAME.time]!, bytes.slice(0, block[FRAME.byteLength]!));
        ring.release();
      }
    });
  }

  #tell(pilot: PolicyPilot): void {
    const { status } = pilot;
    const block = this.#status.block;
    block[0] = status.chunks;
    block[1] = status.refused;
    block[2] = status.underruns;
    block[3] = status.inferenceMs;
    block[4] = status.observedAt;
    this.#status.publish();
    if (status.problem === this.#told) return;
    this.#told = status.problem;
    if (status.problem !== '') this.#post({ type: 'said', said: status.problem });
  }

  /** Until something is due, or a message comes in. */
  #sleep(pilot: PolicyPilot | null): Promise<void> {
    const due = pilot === null ? Number.NaN : (pilot.due - this.#now()) * 1000;
    const most = pilot?.driving === true ? DRIVING_MS : IDLE_MS;
    const ms = due < most ? Math.max(0, due) : most;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const FRAME = { time: frameLayout.at('time'), byteLength: frameLayout.at('byteLength') };

const port = parentPort!;
const loop = new PolicyLoop(workerData as PolicyWorkerData, (message) => port.postMessage(message));
port.on('message', (message: Incoming) => loop.handle(message));
port.postMessage({ type: 'open' } satisfies Outgoing);
await loop.run();
port.close();
