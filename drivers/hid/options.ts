/** Settings of an input in the robot file: `teleop.input.options`. */
import Type from 'typebox';
import Value from 'typebox/value';

const deadZone = (value: number) =>
  Type.Number({
    minimum: 0,
    maximum: 0.9,
    default: value,
    description: 'Deflections up to this part of full scale count as none.',
  });
const button = (value: number, description: string) =>
  Type.Integer({ minimum: -1, maximum: 30, default: value, description });

export const spaceMouseOptions = Type.Object(
  {
    deadZone: deadZone(0.1),
    deadman: button(-1, 'Button that must be held to drive; -1: pressing the cap itself is the deadman.'),
    close: button(0, 'Button that closes the gripper; -1: none.'),
    open: button(1, 'Button that opens it; -1: none.'),
    silenceMs: Type.Number({
      minimum: 50,
      maximum: 5000,
      default: 250,
      description: 'Not heard for so long while it was pressed: it counts as let go.',
    }),
  },
  { additionalProperties: false },
);

export const gamepadOptions = Type.Object(
  {
    deadZone: deadZone(0.12),
    silenceMs: Type.Number({
      minimum: 50,
      maximum: 5000,
      default: 250,
      description: 'Not heard for so long: it counts as let go. Not for pads that report changes alone.',
    }),
  },
  { additionalProperties: false },
);

export type InputOptions = Type.Static<typeof gamepadOptions> &
  Partial<Type.Static<typeof spaceMouseOptions>>;

/** Every default of a kind. */
export function plainOptions(kind: 'spacemouse' | 'gamepad'): InputOptions {
  return Value.Default(kind === 'spacemouse' ? spaceMouseOptions : gamepadOptions, {}) as InputOptions;
}
