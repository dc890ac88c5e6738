/** What a calibration file holds: one kind of measurement of one robot, entry by entry. */
import Type from 'typebox';

const closed = { additionalProperties: false } as const;
const text = (description: string) => Type.String({ minLength: 1, maxLength: 500, description });

/** Kinds, one series of files each. */
export const CALIBRATION_KINDS = ['ids', 'joints', 'gripper', 'leader'] as const;
export type CalibrationKind = (typeof CALIBRATION_KINDS)[number];

/** What an entry measures. */
export const QUANTITIES = [
  'id', // of the servo of an axis
  'baud', // rate that it answers at
  'zero', // raw position at which the axis is at the entry `at`
  'at', // rad or m
  'direction', // 1 or -1
  'scale', // axis units per raw unit
  'origin', // zero that the servo itself was given, raw
  'low', // least and largest position that the axis can reach, rad or m
  'high',
  'offset', // what is added to a leader's axis to have the follower's, rad or m
] as const;
export type Quantity = (typeof QUANTITIES)[number];

export const entrySchema = Type.Object(
  {
    device: text('Name of the device in the robot file.'),
    axis: text('Name of the axis.'),
    quantity: Type.Enum([...QUANTITIES], { description: 'What was measured.' }),
    value: Type.Number({ description: 'In `unit`.' }),
    unit: Type.String({ maxLength: 20, description: 'rad, m, step, rad/step, m/step, baud, 1.' }),
    method: text('How it was measured.'),
    date: Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
      description: 'When it was measured, UTC.',
    }),
    residual: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
      description:
        'How far repetitions lay apart from the value, in `residualUnit`; null: not a thing that varies.',
    }),
    residualUnit: Type.String({ maxLength: 20 }),
    part: text('What it was measured of: another part needs another calibration.'),
  },
  closed,
);
export type Entry = Type.Static<typeof entrySchema>;

export const fileSchema = Type.Object(
  {
    format: Type.Enum([1], { description: 'Of this file.' }),
    robot: text('Id of the robot.'),
    kind: Type.Enum([...CALIBRATION_KINDS]),
    version: Type.Integer({ minimum: 1, maximum: 9999, description: 'As in the name of the file.' }),
    written: Type.String({ description: 'When this version was written, UTC.' }),
    armloop: Type.String({ description: 'Version that wrote it.' }),
    entries: Type.Array(entrySchema, { minItems: 1 }),
  },
  closed,
);
export type CalibrationFile = Type.Static<typeof fileSchema>;
