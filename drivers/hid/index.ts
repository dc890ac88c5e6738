/** Inputs `spacemouse` and `gamepad` on the rig, through node-hid. */
import type { Now } from '../../src/robot/device.ts';
import type { InputContext, InputFactory, OperatorInput } from '../../src/robot/input.ts';
import { inputOptions } from '../../src/robot/options.ts';
import { HidInput } from './input.ts';
import { gamepadOptions, type InputOptions, plainOptions, spaceMouseOptions } from './options.ts';
import { type HidPorts, systemPorts } from './ports.ts';
import { GamepadReader, SpaceMouseReader } from './reader.ts';
import { inputTools } from './tools.ts';

type Kind = 'spacemouse' | 'gamepad';

function make(ports: HidPorts, kind: Kind, name: string, options: InputOptions, now: Now): OperatorInput {
  const reader = kind === 'spacemouse' ? new SpaceMouseReader(options) : new GamepadReader(options);
  return new HidInput(reader, { name, kind, silenceMs: options.silenceMs, now, ports });
}

/** The input of that kind on these ports. Throws CONFIG_INVALID for bad options. */
export function inputOn(ports: HidPorts, kind: Kind, { robot, entry, now }: InputContext): OperatorInput {
  const schema = kind === 'spacemouse' ? spaceMouseOptions : gamepadOptions;
  return make(ports, kind, entry.name, inputOptions(schema, robot, entry), now);
}

export const createInput: InputFactory = (context) =>
  inputOn(systemPorts, context.entry.kind === 'gamepad' ? 'gamepad' : 'spacemouse', context);

export const tools = inputTools(systemPorts, (kind, now) =>
  make(systemPorts, kind, kind, plainOptions(kind), now),
);
