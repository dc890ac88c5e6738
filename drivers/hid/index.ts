/** Inputs `spacemouse` and `gamepad` on the rig, through node-hid. */
import type Type from 'typebox';
import type { InputContext, InputFactory, OperatorInput } from '../../src/robot/input.ts';
import { inputOptions } from '../../src/robot/options.ts';
import { HidInput } from './input.ts';
import { gamepadOptions, spaceMouseOptions } from './options.ts';
import { type HidPorts, systemPorts } from './ports.ts';
import { GamepadReader, type ReportReader, SpaceMouseReader } from './reader.ts';

/** The input of that kind on these ports. Throws CONFIG_INVALID for bad options. */
export function inputOn(
  ports: HidPorts,
  kind: 'spacemouse' | 'gamepad',
  context: InputContext,
): OperatorInput {
  const { robot, entry, now } = context;
  const make = <S extends Type.TSchema>(
    schema: S,
    reader: (options: Type.Static<S>) => ReportReader,
    silence: (options: Type.Static<S>) => number,
  ): OperatorInput => {
    const options = inputOptions(schema, robot, entry);
    return new HidInput(reader(options), { name: entry.name, kind, silenceMs: silence(options), now, ports });
  };
  return kind === 'spacemouse'
    ? make(
        spaceMouseOptions,
        (o) => new SpaceMouseReader(o),
        (o) => o.silenceMs,
      )
    : make(
        gamepadOptions,
        (o) => new GamepadReader(o),
        (o) => o.silenceMs,
      );
}

export const createInput: InputFactory = (context) =>
  inputOn(systemPorts, context.entry.kind === 'gamepad' ? 'gamepad' : 'spacemouse', context);
