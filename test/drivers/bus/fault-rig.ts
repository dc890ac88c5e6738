/**
 * A whole rig with a device on an emulated line, driven by an operator and recording, to whose line things happen: what the
 * device does, when, what people are told, and what is in the episode afterwards.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import { loadRobot } from '../../../src/config.ts';
import { Catalogue } from '../../../src/episode/catalogue.ts';
import { Episode } from '../../../src/episode/episode.ts';
import { openLog } from '../../../src/log.ts';
import { Rig } from '../../../src/rig/rig.ts';
import { bytesOf } from '../../../src/rig/wire.ts';
import type { DeviceContext } from '../../../src/robot/device.ts';
import { Mode, OperatorKind, operatorLayout } from '../../../src/robot/tick.ts';
import { packageRoot } from '../../../src/root.ts';
import type { RigLink } from '../../../src/server/rig-link.ts';
import { linkTo } from '../../support/rig-link.ts';
import { course, until } from './arm-stand.ts';

/** What a rig is made for, and the axis that its operator moves to and fro. Units of that axis: rad or m. */
export interface FaultSubject {
  /** Robot file of robots/. */
  readonly robot: string;
  /** Which of its devices is on the emulated line. */
  readonly device: string;
  readonly start: (context: Omit<DeviceContext, 'now'>) => Promise<EmulatorHandle>;
  readonly axis: number;
  /** Where it turns back. */
  readonly between: readonly [number, number];
  /** What the operator moves it by. */
  readonly input: 'jog' | 'gripper';
  /** Of the axis. */
  readonly unit: 'rad' | 'm';
  /** Per s: it moves above this, and is at rest below. */
  readonly moving: number;
  readonly rest: number;
}

interface RobotYaml {
  model: { file: string };
  devices: { name: string; calibration?: string; options: Record<string, unknown> }[];
  [key: string]: unknown;
}

export interface Stopped {
  /** From when it happened to the axis at rest, s, and how far it went meanwhile. */
  readonly restS: number;
  readonly way: number;
}

export class FaultRig implements AsyncDisposable {
  readonly emulator: EmulatorHandle;
  readonly #subject: FaultSubject;
  readonly rig: Rig;
  readonly #link: RigLink;
  readonly #lease: number;
  readonly #workspace: string;
  readonly #timer: NodeJS.Timeout;
  #episode = '';

  private constructor(parts: {
    subject: FaultSubject;
    emulator: EmulatorHandle;
    rig: Rig;
    link: RigLink;
    lease: number;
    workspace: string;
    timer: NodeJS.Timeout;
  }) {
    this.#subject = parts.subject;
    this.emulator = parts.emulator;
    this.rig = parts.rig;
    this.#link = parts.link;
    this.#lease = parts.lease;
    this.#workspace = parts.workspace;
    this.#timer = parts.timer;
  }

  /** The rig of that robot file, with the options of its device changed. */
  static async open(
    workspace: string,
    subject: FaultSubject,
    options: Readonly<Record<string, unknown>>,
  ): Promise<FaultRig> {
    const { axis, between } = subject;
    const shipped = join(packageRoot(), 'robots', `${subject.robot}.yaml`);
    const yaml = parse(readFileSync(shipped, 'utf8')) as RobotYaml;
    yaml.model.file = resolve(packageRoot(), 'robots', yaml.model.file);
    const at = yaml.devices.findIndex((d) => d.name === subject.device);
    const device = yaml.devices[at]!;
    device.calibration = 'none';
    Object.assign(device.options, options);
    // States are told late where a machine is busy: what stops the arm here is what happens to its line.
    yaml['limits'] = { stateAgeMs: 1000, missedMs: 2000, deadmanMs: 2000, watchdogMs: 100 };
    const file = join(workspace, `${subject.robot}.yaml`);
    const load = () => {
      writeFileSync(file, stringify(yaml));
      return loadRobot(file);
    };
    const robot = load();
    const emulator = await subject.start({ robot, entry: robot.devices[at]! });
    device.options['port'] = emulator.port;
    const spec = load();
    const rig = await Rig.open({ spec, workspace, log: openLog(workspace, 'rig') });
    const link = await linkTo(workspace, spec.id);
    const { lease } = (await link.request('lease.take', { client: 1, operator: 'Ada' })) as { lease: number };
    const layout = operatorLayout(spec.axes.length);
    const input = new Float64Array(layout.size);
    input[layout.at('kind')] = OperatorKind.jog;
    input[layout.at('enable')] = 1;
    input[layout.at('speed')] = 0.5;
    let sign = 1;
    const timer = setInterval(() => {
      const q = rig.watch.field('in.q')[axis]!;
      if (q > between[1]) sign = -1;
      else if (q < between[0]) sign = 1;
      if (subject.input === 'jog') input[layout.at('jog') + axis] = sign;
      else input[layout.at('gripper')] = sign;
      input[layout.at('seq')] = input[layout.at('seq')]! + 1;
      link.operator(1, bytesOf(input));
    }, 10);
    return new FaultRig({ subject, emulator, rig, link, lease, workspace, timer });
  }

  get told(): string {
    return this.rig.session.events.list.map((e) => e.text).join('\n');
  }

  /** Asks as an operator's page does. */
  ask(kind: string): Promise<unknown> {
    return this.#link.request('request', { kind, lease: this.#lease });
  }

  async record(): Promise<void> {
    const started = await this.#link.request('recording.start', { lease: this.#lease, task: 'faults' });
    this.#episode = (started as { episode: string }).episode;
  }

  /** Status bits of the device whose line it is. */
  get #status(): number {
    const names = this.rig.spec.devices.map((d) => d.name);
    return this.rig.watch.field('in.device.status')[names.indexOf(this.#subject.device)]!;
  }

  /** Connected, with torque, without a fault. */
  get well(): boolean {
    return this.#status % 8 === 3;
  }

  /** Connected, without torque. */
  get unpowered(): boolean {
    return this.#status % 8 === 1;
  }

  /** Takes the axis in hand and returns while it moves at a good speed. Clears a stop first, when there is one. */
  async drive(): Promise<void> {
    if (this.rig.watch.view.mode === Mode.stopped) {
      await until('well again', () => this.well, 60);
      await this.ask('clear');
      await until('holding', () => this.rig.watch.view.mode === Mode.holding);
    }
    await this.#link.request('request', { kind: 'activate', lease: this.#lease, controller: 'jog' });
    await this.moves();
  }

  /** Waits until the axis moves at a good speed. */
  async moves(): Promise<void> {
    const { axis, moving } = this.#subject;
    await until('it moves', () => Math.abs(this.rig.watch.field('in.qd')[axis]!) > moving, 20);
  }

  /**
   * Waits until the rig has stopped and the axis is at rest, by its own course, after `what` happened to it. The axis is the
   * first one of the line.
   */
  async stopsAfter(what: () => Promise<number>): Promise<Stopped> {
    await this.emulator.trace();
    const at = await what();
    await until('stopped', () => this.rig.watch.view.mode === Mode.stopped, 20);
    await new Promise((done) => setTimeout(done, 300));
    const after = course(await this.emulator.traced(), 0, at);
    const last = after.findLastIndex((p) => Math.abs(p.speed) >= this.#subject.rest);
    const rest = after[Math.min(last + 1, after.length - 1)]!;
    const way = Math.max(...after.map((p) => Math.abs(p.angle - after[0]!.angle)));
    return { restS: rest.time - at, way };
  }

  /** Ends the recording: every tick from the first to the last must be in the episode. Returns how many. */
  async recorded(): Promise<{ readonly ticks: number; readonly seconds: number }> {
    await this.#link.request('recording.stop', { lease: this.#lease });
    await until('closed', () => this.rig.session.recording.state === 'review');
    assert.equal(this.rig.metrics().recording.dropped, 0);
    await this.#link.request('recording.label', { lease: this.#lease, label: 'success' });
    await until('filed', () => this.rig.session.recording.state === 'idle');
    await using episode = await Episode.open(new Catalogue(this.#workspace).files, this.#episode);
    const at = { tick: episode.tickLayout.at('in.tick'), time: episode.tickLayout.at('in.time') };
    let [ticks, first, last, before] = [0, Number.NaN, Number.NaN, Number.NaN];
    await episode.ticks((block) => {
      const tick = block[at.tick]!;
      assert.ok(ticks === 0 || tick === before + 1, `tick ${before} is followed by ${tick}`);
      if (ticks++ === 0) first = block[at.time]!;
      last = block[at.time]!;
      before = tick;
    });
    return { ticks, seconds: last - first };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#link.close();
    await this.rig.close();
    await this.emulator[Symbol.asyncDispose]();
  }
}
