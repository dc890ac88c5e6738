/** Control of the arm: the lease, and what is held down, sent through the worker. */
import { Layout } from '../../robot/layout.ts';
import { ControllerId, Mode, operatorFields, Source } from '../../robot/tick.ts';
import { post, socketUrl } from './api.ts';
import { addPad } from './gamepad.ts';
import { type DriveMode, driveModes, emptyHeld, operatorKind, stepSpeed, sumKeys } from './keys.ts';
import { live } from './live.svelte.ts';
import type { FromWorker, ToWorker } from './operator-worker.ts';
import { Stored } from './stored.svelte.ts';
import { toasts } from './toasts.svelte.ts';

const FEED_MS = 40;

class Operator {
  /** 0: somebody else or nobody drives. */
  lease = $state(0);
  taking = $state(false);
  /** Why control was lost, until it is taken again or dismissed. */
  lost = $state<string | null>(null);
  mode = $state<DriveMode>('twist');
  joint = $state(0);
  /** Round trip of an operator message, s. */
  latency = $state(Number.NaN);
  rate = $state(0);
  heldUp = $state(false);
  /** Something that moves the arm is held right now. */
  driving = $state(false);
  /** Codes of the held motion keys, for the key display. */
  held = $state.raw<readonly string[]>([]);
  padName = $state<string | null>(null);
  padDriving = $state(false);
  /** Pose mode: keep sending the target after the pointer is up. */
  follow = $state(false);
  /** Pose mode: what the target gizmo does. */
  gizmo = $state<'translate' | 'rotate'>('translate');
  dragging = $state(false);

  readonly name = new Stored<string>('operator', '');
  readonly toolFrame = new Stored<boolean>('toolFrame', false);
  readonly speed = new Stored<number>('speed', 0.35);
  /** Target of pose mode in the base: p x y z, quaternion x y z w. */
  readonly target = new Float64Array(7);

  #pressed = new Set<string>();
  #keys = emptyHeld();
  #block = new Float64Array(0);
  #layout: Layout | null = null;
  #worker: Worker | null = null;
  /** What is held has been asked to drive: it asks once, so that it does not undo a stop that was too short to be seen. */
  #asked = false;
  #wasActive = false;
  /** Who waits for the lease. */
  #waiting: { readonly given: (lease: number) => void; readonly refused: (why: Error) => void }[] = [];

  start(): void {
    setInterval(() => this.feed(), FEED_MS);
    // Every message, as feeds are further apart than an arm may drive before somebody stops it.
    live.onFrame((block) => this.#liftWhenStopped(block[live.at('mode')] === Mode.active));
    const zero = (): void => this.releaseKeys();
    addEventListener('blur', zero);
    document.addEventListener('visibilitychange', zero);
    addEventListener('pagehide', () => {
      this.releaseNow();
    });
    addEventListener('gamepadconnected', (e) => {
      this.padName = e.gamepad.id;
    });
    addEventListener('gamepaddisconnected', () => {
      this.padName = null;
    });
  }

  take(): void {
    const robot = live.hello?.robot;
    if (!robot || this.lease !== 0 || this.taking) return;
    this.taking = true;
    this.lost = null;
    this.#layout = Layout.of('operator', operatorFields(robot.axes.length));
    this.#block = new Float64Array(this.#layout.size);
    this.#worker ??= this.#start();
    const operator = this.name.value.trim() || 'operator';
    this.#say({ type: 'take', url: socketUrl('/api/operator'), axes: robot.axes.length, operator });
  }

  /** The lease, taken first when this page does not have it. Rejects with why it was not given. */
  need(): Promise<number> {
    if (this.lease !== 0) return Promise.resolve(this.lease);
    if (!live.hello) return Promise.reject(new Error('the rig has not been heard of yet'));
    return new Promise((given, refused) => {
      this.#waiting.push({ given, refused });
      this.take();
    });
  }

  /** Gives control back. A running human controller is held first: it would end as a lost operator otherwise. */
  async release(): Promise<void> {
    this.releaseKeys();
    if (live.value('mode') === Mode.active && live.value('source') === Source.human) {
      // Should it fail, the rig's deadman does the same a little later.
      await post('/api/request', { kind: 'hold' }).catch(() => {});
    }
    this.releaseNow();
  }

  releaseNow(): void {
    this.releaseKeys();
    this.#say({ type: 'release' });
  }

  setMode(mode: DriveMode): void {
    if (mode === this.mode) return;
    this.releaseKeys();
    this.follow = false;
    this.mode = mode;
    // A running human controller is swapped at once; from holding, the first motion activates.
    const byHand = live.value('mode') === Mode.active && live.value('source') === Source.human;
    if (this.lease !== 0 && byHand) this.#activate();
  }

  nextMode(): void {
    this.setMode(driveModes[(driveModes.indexOf(this.mode) + 1) % driveModes.length] ?? 'twist');
  }

  stepSpeed(direction: 1 | -1): void {
    this.speed.value = stepSpeed(this.speed.value, direction);
    this.feed();
  }

  /** Selects an axis for joint jog. */
  select(axis: number): void {
    const count = live.hello?.robot.axes.length ?? 0;
    if (axis < 0 || axis >= count) return;
    this.joint = axis;
    this.feed();
  }

  press(code: string): void {
    this.#pressed.add(code);
    this.held = [...this.#pressed];
    this.feed();
  }

  lift(code: string): void {
    if (!this.#pressed.delete(code)) return;
    this.held = [...this.#pressed];
    this.feed();
  }

  /** Lets go of everything: on blur, on loss of sight, on a stop. */
  releaseKeys(): void {
    this.#pressed.clear();
    this.held = [];
    this.dragging = false;
    this.follow = false;
    this.feed();
  }

  /** Builds the operator input from what is held and hands it to the worker. */
  feed(): void {
    const layout = this.#layout;
    if (!layout || this.lease === 0) {
      this.driving = false;
      this.#asked = false;
      return;
    }
    const held = this.#keys;
    sumKeys(this.#pressed, this.mode, held);
    this.#pad();
    if (this.mode === 'pose' && (this.dragging || this.follow)) held.enable = 1;

    const block = this.#block;
    block.fill(0);
    block[layout.at('kind')] = operatorKind[this.mode];
    block[layout.at('enable')] = held.enable;
    block[layout.at('frame')] = this.toolFrame.value ? 1 : 0;
    block[layout.at('speed')] = this.speed.value;
    block.set(held.twist, layout.at('twist'));
    if (this.mode === 'jog') block[layout.at('jog') + this.joint] = held.jog;
    block.set(this.target, layout.at('pose'));
    block[layout.at('gripper')] = held.gripper;
    this.#say({ type: 'input', block });

    this.driving = held.enable === 1;
    if (this.driving) this.#activateWhenHolding();
    else this.#asked = false;
  }

  #pad(): void {
    if (this.padName === null || !document.hasFocus()) {
      this.padDriving = false;
      return;
    }
    const pad = navigator.getGamepads().find((p) => p?.connected);
    this.padDriving = pad ? addPad(pad, this.mode, this.#keys) : false;
  }

  /** Whoever stopped the arm wins over keys that are still down: they count again once lifted and pressed anew. */
  #liftWhenStopped(active: boolean): void {
    const stopped = this.#wasActive && !active;
    this.#wasActive = active;
    if (stopped) this.releaseKeys();
  }

  /** The first motion from holding puts the chosen controller into the slot. */
  #activateWhenHolding(): void {
    const mode = live.block?.[live.at('mode')];
    const controller = live.block?.[live.at('controller')];
    const wanted = ControllerId[this.mode];
    if (mode !== Mode.holding && !(mode === Mode.active && controller !== wanted)) return;
    if (this.#asked) return;
    this.#activate();
  }

  #activate(): void {
    this.#asked = true;
    post('/api/request', { kind: 'activate', controller: this.mode, lease: this.lease }).catch(
      (error: unknown) => {
        this.releaseKeys();
        toasts.error('Driving could not start', error);
      },
    );
  }

  #start(): Worker {
    const worker = new Worker(new URL('./operator-worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#hear(event.data);
    return worker;
  }

  #say(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'granted':
        this.taking = false;
        this.lease = message.lease;
        this.feed();
        for (const { given } of this.#waiting.splice(0)) given(message.lease);
        break;
      case 'refused':
        this.taking = false;
        // Who waits for it tells what could not be done without it.
        if (this.#waiting.length === 0) toasts.error('Control was not given', new Error(message.reason));
        for (const { refused } of this.#waiting.splice(0)) refused(new Error(message.reason));
        break;
      case 'lost':
        this.#drop();
        this.lost = message.reason;
        break;
      case 'released':
        this.#drop();
        break;
      case 'stats':
        this.latency = message.latency;
        this.rate = message.rate;
        this.heldUp = message.heldUp;
        break;
      default:
        message satisfies never;
    }
  }

  #drop(): void {
    for (const { refused } of this.#waiting.splice(0)) refused(new Error('control was lost'));
    this.taking = false;
    this.lease = 0;
    this.latency = Number.NaN;
    this.rate = 0;
    this.#pressed.clear();
    this.held = [];
    this.driving = false;
    this.dragging = false;
    this.follow = false;
  }
}

export const operator = new Operator();
