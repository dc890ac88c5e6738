/** The codes of tick.ts in words, for people: used by the session's events, the command line and the console. */
import { ControllerId, DeviceStatus, Mode, Reason, Source } from './tick.ts';

export interface Words {
  /** The name in tick.ts. */
  readonly name: string;
  /** One to four words for a chip. */
  readonly short: string;
  /** A sentence: what it means, and what to do about it where something can be done. */
  readonly text: string;
}

type WordTable<T extends Record<string, number>> = { readonly [K in keyof T]: readonly [string, string] };

function table<T extends Record<string, number>>(codes: T, words: WordTable<T>): ReadonlyMap<number, Words> {
  return new Map(
    Object.entries(codes).map(([name, code]) => {
      const [short, text] = words[name as keyof T];
      return [code, { name, short, text }];
    }),
  );
}

const modes = table(Mode, {
  off: ['off', 'No commands are sent. Connect the devices to begin.'],
  connected: ['connected', 'Devices answer, but no commands are sent yet. Arm to hold the pose.'],
  holding: ['holding', 'The arm holds its pose and waits for a controller.'],
  active: ['active', 'A controller drives the arm.'],
  stopping: ['stopping', 'The arm is being brought to rest.'],
  stopped: ['stopped', 'Stopped and latched. Remove the cause, then clear the stop.'],
});

const sources = table(Source, {
  none: ['nobody', 'Nobody commands the arm.'],
  human: ['operator', 'A person drives.'],
  policy: ['policy', 'A learnt policy drives.'],
  mpc: ['planner', 'A model-predictive planner drives.'],
  replay: ['replay', 'A recorded episode drives.'],
  safety: ['safety', 'The guard drives: it brings the arm to rest or keeps it there.'],
  reset: ['reset', 'The reset procedure drives.'],
  script: ['script', 'A program drives.'],
});

const controllers = table(ControllerId, {
  hold: ['hold', 'Holds the last commanded pose.'],
  jog: ['joint jog', 'Moves single joints.'],
  twist: ['Cartesian', 'Moves the tool along and about the axes of a frame.'],
  pose: ['pose target', 'Moves the tool to a target pose.'],
  trajectory: ['trajectory', 'Follows a joint trajectory.'],
  gripper: ['gripper', 'Opens or closes the gripper to a width.'],
  replay: ['replay', 'Repeats a recorded episode.'],
  home: ['home', 'Moves to the home pose of the robot file.'],
  reset: ['reset', 'Draws a new simulated scene.'],
  policy: ['policy', 'Follows the action chunks of a learnt policy.'],
  mpc: ['planner', 'Follows the feedback plans of the model-predictive planner.'],
  leader: ['leader', 'Follows the joints of a leader arm.'],
});

const reasons = table(Reason, {
  notFinite: ['not a number', 'A value was not finite. Report it with the episode: this is a defect.'],
  workspace: ['workspace edge', 'The tool is at the edge of its workspace box. Drive back inside.'],
  selfCollision: ['self-collision', 'The arm would touch itself. Drive away from the contact.'],
  singularity: [
    'near singularity',
    'The arm is close to a singular pose, so it is slowed. Bend it the other way.',
  ],
  position: ['joint limit', 'A joint is at its position limit. Drive it back.'],
  velocity: ['speed limit', 'A joint is at its speed limit. Lower the speed.'],
  acceleration: ['acceleration limit', 'A joint is at its acceleration limit.'],
  jerk: ['jerk limit', 'A joint is at its jerk limit.'],
  torque: ['torque limit', 'A joint is at its torque limit. Look for contact or too heavy a load.'],
  startRamp: ['start ramp', 'The controller has just started, and its commands are ramped in.'],
  staleState: [
    'old state',
    'A device has not reported for too long. Check its connection and the load of the machine.',
  ],
  missedPeriods: [
    'missed periods',
    'The loop was held up for too long. Lower the load of the machine or grant it FIFO.',
  ],
  deadman: ['operator lost', 'Operator input stopped, so the arm was brought to rest. Take control again.'],
  estop: ['emergency stop', 'Somebody pressed the emergency stop. Look at the arm, then clear the stop.'],
  deviceLost: ['device lost', 'A device no longer answers. Check power and cable, then clear the stop.'],
  deviceFault: ['device fault', 'A device reports a fault. Mend it, then clear the stop.'],
  controllerFault: ['controller fault', 'The controller could not go on. Clear the stop and start it again.'],
  ikFailed: ['out of reach', 'No joint angles reach the wanted pose. Choose a pose that is nearer.'],
  underrun: ['plan ran out', 'The next part of the plan came too late, so the arm holds.'],
  requested: ['stop requested', 'A person asked the arm to hold.'],
  poseMismatch: ['pose mismatch', 'The arm is not where the controller would start. Bring it there first.'],
  planLate: [
    'plan late',
    'The planner is slower than its plans last. Shorten the horizon, or lower the load of the machine.',
  ],
  planFailed: [
    'plan failed',
    'The newest plan could not be made, so the one before is in force. The planner says why.',
  ],
});

const devices = table(DeviceStatus, {
  online: ['online', 'The device answers.'],
  enabled: ['enabled', 'The device takes commands.'],
  fault: ['fault', 'The device reports a fault.'],
  watchdog: ['watchdog', 'The device had no commands for too long and holds by itself.'],
});

function lookUp(words: ReadonlyMap<number, Words>, code: number): Words {
  return words.get(code) ?? { name: String(code), short: `code ${code}`, text: `Unknown code ${code}.` };
}

export const modeWords = (mode: number): Words => lookUp(modes, mode);
export const sourceWords = (source: number): Words => lookUp(sources, source);
export const controllerWords = (id: number): Words => lookUp(controllers, id);

function bits(words: ReadonlyMap<number, Words>, flags: number): Words[] {
  const found: Words[] = [];
  for (const [bit, word] of words) if ((flags & bit) !== 0) found.push(word);
  return found;
}

/** The words of each Reason bit that is set, in the order of the bits. */
export const reasonWords = (flags: number): Words[] => bits(reasons, flags);
/** The words of each DeviceStatus bit that is set. */
export const deviceStatusWords = (flags: number): Words[] => bits(devices, flags);
