/**
 * Measures what one period of the loop allocates: the rise of used_heap_size, in stretches, with a young generation so
 * large that nothing is collected. Prints bytes per tick of each stretch as JSON. `litter` adds one object a tick.
 */
import { getHeapStatistics } from 'node:v8';
import { createControllers } from '../../src/control/index.ts';
import { LatestEnd, RingEnd, RingView } from '../../src/loop/channel.ts';
import { controlBlock } from '../../src/loop/control-block.ts';
import { Cycle } from '../../src/loop/cycle.ts';
import { LoopBody } from '../../src/loop/loop-body.ts';
import { loopBuffers } from '../../src/loop/loop-buffers.ts';
import { Pace } from '../../src/loop/pace.ts';
import { warmUp } from '../../src/loop/warm-up.ts';
import {
  ControllerId,
  DeviceStatus,
  deviceStateLayout,
  Mode,
  OperatorKind,
  operatorLayout,
  RequestKind,
  requestLayout,
  tickRecordLayout,
} from '../../src/robot/tick.ts';
import { litter } from '../support/loop-controllers.ts';
import { panda } from '../support/loop-rig.ts';

const { spec, model } = panda();
const controllers = createControllers(spec);
const cycle = new Cycle({ spec, model, controllers });
warmUp(spec, cycle, controllers, 2000);
const buffers = loopBuffers({ ...spec, loop: { ...spec.loop, rateHz: 100 } }, cycle.memory.length, 1);
const body = new LoopBody(spec, cycle, buffers);
const state = new LatestEnd(buffers.state[0]!);
const operator = new LatestEnd(buffers.operator);
const requests = new RingEnd(buffers.requests);
const drain = new RingView(buffers.recorder.tick);
const s = deviceStateLayout(8);
const at = { time: s.at('time'), status: s.at('status'), q: s.at('q') };
const l = operatorLayout(8);
const op = {
  lease: l.at('lease'),
  time: l.at('time'),
  enable: l.at('enable'),
  speed: l.at('speed'),
  kind: l.at('kind'),
  twist: l.at('twist'),
};
const home = Float64Array.from(spec.axes, (a) => a.home);
const request = new Float64Array(requestLayout.size);
const ask = (kind: RequestKind): void => {
  request.fill(0);
  request[requestLayout.at('seq')] = kind;
  request[requestLayout.at('kind')] = kind;
  request[requestLayout.at('controller')] = ControllerId.twist;
  request[requestLayout.at('lease')] = 1;
  requests.write(request);
};
const pace = new Pace(controlBlock(), 4000);
const mode = tickRecordLayout(spec).at('out.mode');
const messy = process.argv[2] === 'litter';
let active = 0;
let k = 0;

function periods(count: number): void {
  for (let i = 0; i < count; i++) {
    if (!pace.next()) return;
    k++;
    const block = state.block;
    block[at.time] = pace.times[0]!;
    block[at.status] = DeviceStatus.online | DeviceStatus.enabled;
    for (let j = 0; j < 8; j++) block[at.q + j] = home[j]!;
    state.publish();
    const o = operator.block;
    o[op.lease] = 1;
    o[op.time] = pace.times[0]!;
    o[op.enable] = 1;
    o[op.speed] = 1;
    o[op.kind] = OperatorKind.twist;
    o[op.twist] = (k & 1024) === 0 ? 0.3 : -0.3;
    operator.publish();
    body.run(pace.times, 0);
    if (messy) litter(block);
    const slot = drain.peek();
    if (slot !== null) {
      if (slot.block[mode] === Mode.active) active++;
      drain.release();
    }
  }
}

pace.begin();
periods(10);
ask(RequestKind.arm);
periods(10);
ask(RequestKind.activate);
periods(6000);
const rises: number[] = [];
for (let stretch = 0; stretch < 8; stretch++) {
  const before = getHeapStatistics().used_heap_size;
  periods(1000);
  rises.push((getHeapStatistics().used_heap_size - before) / 1000);
}
process.stdout.write(JSON.stringify({ rises, active }));
