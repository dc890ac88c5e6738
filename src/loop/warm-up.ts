/**
 * Runs the loop's own code before it counts: the first ticks of cold code take up to 2 ms. A second body over throw-away
 * channels and the real cycle, whose memory is put back afterwards.
 */
import type { Controller } from '../control/controller.ts';
import type { RobotSpec } from '../robot/spec.ts';
import {
  ControllerId,
  DeviceStatus,
  deviceStateLayout,
  OperatorKind,
  operatorLayout,
  RequestKind,
  requestLayout,
} from '../robot/tick.ts';
import { LatestEnd, RingEnd, RingView } from './channel.ts';
import type { Cycle } from './cycle.ts';
import { LoopBody } from './loop-body.ts';
import { loopBuffers } from './loop-buffers.ts';

export function warmUp(
  spec: RobotSpec,
  cycle: Cycle,
  controllers: readonly Controller[],
  ticks: number,
): void {
  const memory = cycle.memory.slice();
  const small = { ...spec, loop: { ...spec.loop, rateHz: 1 } };
  const buffers = loopBuffers(small, memory.length, 1);
  const dt = 1 / spec.loop.rateHz;
  let time = 1;
  const times = new Float64Array(2);
  const body = new LoopBody(spec, cycle, buffers);
  const states = buffers.state.map((b) => new LatestEnd(b));
  const operator = new LatestEnd(buffers.operator);
  const requests = new RingEnd(buffers.requests);
  const drains = [buffers.recorder.tick, buffers.recorder.request, buffers.recorder.snapshot].map(
    (b) => new RingView(b),
  );
  const op = operatorLayout(spec.axes.length);
  const request = new Float64Array(requestLayout.size);
  let seq = 0;
  const ask = (kind: RequestKind, controller: ControllerId): void => {
    request.fill(0);
    request[requestLayout.at('seq')] = ++seq;
    request[requestLayout.at('kind')] = kind;
    request[requestLayout.at('controller')] = controller;
    request[requestLayout.at('lease')] = 1;
    requests.write(request);
  };
  const kinds: Partial<Record<number, number>> = {
    [ControllerId.jog]: OperatorKind.jog,
    [ControllerId.twist]: OperatorKind.twist,
    [ControllerId.pose]: OperatorKind.pose,
    [ControllerId.leader]: OperatorKind.joints,
  };
  const each = Math.max(10, Math.ceil(ticks / (controllers.length + 2)));
  const phases: (ControllerId | null)[] = [null, ...controllers.map((c) => c.id), ControllerId.twist];
  for (const phase of phases) {
    for (let k = 0; k < each; k++) {
      if (k === 0) ask(phase === null ? RequestKind.arm : RequestKind.hold, ControllerId.hold);
      if (k === 2 && phase !== null) ask(RequestKind.activate, phase);
      if (k === each - 1) ask(RequestKind.snapshot, ControllerId.hold);
      spec.devices.forEach((device, d) => {
        const l = deviceStateLayout(device.axes.length);
        const block = states[d]!.block;
        block.fill(0);
        block[l.at('time')] = time;
        block[l.at('status')] = DeviceStatus.online | DeviceStatus.enabled;
        device.axes.forEach((name, i) => {
          block[l.at('q') + i] = spec.axes.find((a) => a.name === name)!.home;
        });
        states[d]!.publish();
      });
      const block = operator.block;
      block.fill(0);
      block[op.at('lease')] = 1;
      block[op.at('time')] = time;
      block[op.at('enable')] = 1;
      block[op.at('speed')] = 1;
      block[op.at('kind')] = phase === null ? OperatorKind.none : (kinds[phase] ?? OperatorKind.none);
      block[op.at('jog')] = Math.sin(time * 3);
      block[op.at('twist')] = Math.sin(time * 3);
      block[op.at('twist') + 4] = Math.cos(time * 2);
      block[op.at('pose') + 6] = 1;
      operator.publish();
      times.fill(time);
      body.run(times, 0);
      for (const drain of drains) while (drain.peek() !== null) drain.release();
      time += dt;
    }
  }
  cycle.memory.set(memory);
  cycle.lastError = null;
}
