/** A lockstep device that hands everything on to another: for those that change one thing on the way. */
import type { DeviceSpec, LockstepDevice } from '../robot/device.ts';
import type { SceneDescription } from '../robot/scene.ts';

export abstract class ForwardingDevice implements LockstepDevice {
  readonly spec: DeviceSpec;
  protected readonly device: LockstepDevice;

  constructor(device: LockstepDevice) {
    this.device = device;
    this.spec = device.spec;
  }

  get scene(): SceneDescription | null {
    return this.device.scene;
  }

  poses(out: Float64Array): void {
    this.device.poses(out);
  }

  reset(seed: number): void {
    this.device.reset(seed);
  }

  setEnabled(state: 'on' | 'off'): void {
    this.device.setEnabled(state);
  }

  read(time: number, out: Float64Array): void {
    this.device.read(time, out);
  }

  write(command: Float64Array, time: number, sent: Float64Array): void {
    this.device.write(command, time, sent);
  }

  advance(): void {
    this.device.advance();
  }

  snapshot(): Float64Array {
    return this.device.snapshot();
  }

  restore(state: Float64Array): void {
    this.device.restore(state);
  }

  dispose(): void {
    this.device.dispose();
  }
}
