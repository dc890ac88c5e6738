/**
 * Schema of a robot file, with the default of every optional value. What it says of one value alone is here; rules
 * that relate values (min < max, each axis driven once) are in config.ts. `doc` texts feed `armloop check --schema`.
 */
import Type, { type TSchema } from 'typebox';
import { INPUT_ACTIONS } from './robot/input.ts';
import { LEADER_ACTIONS } from './robot/leader.ts';
import { SCENE_VARY } from './robot/spec.ts';

/** Settings of a closed object: unknown keys are refused (with a did-you-mean in config.ts). */
const closed = { additionalProperties: false } as const;
const section = { additionalProperties: false, default: {} } as const;

/** Names become topic names, URL parts and file names. */
const name = (description: string) => Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$', description });
const positive = (description: string) => Type.Number({ exclusiveMinimum: 0, description });
const positiveOr = (value: number, description: string) =>
  Type.Number({ exclusiveMinimum: 0, default: value, description });
const atLeastZeroOr = (value: number, description: string) =>
  Type.Number({ minimum: 0, default: value, description });
const point = (description: string) =>
  Type.Tuple([Type.Number(), Type.Number(), Type.Number()], { description });

const axis = Type.Object(
  {
    name: name(
      'Name of the axis; for an arm joint also the name of the model joint unless `joints` says otherwise.',
    ),
    type: Type.Enum(['revolute', 'prismatic'], {
      default: 'revolute',
      description: 'revolute: rad. prismatic: m, for the opening of a parallel gripper (last axis only).',
    }),
    min: Type.Number({ description: 'Lower limit, rad or m.' }),
    max: Type.Number({ description: 'Upper limit, rad or m.' }),
    velocity: positive('Largest |velocity| that is let through, rad/s or m/s.'),
    acceleration: positive('Largest |acceleration|, rad/s² or m/s².'),
    jerk: positive('Largest |jerk|, rad/s³ or m/s³.'),
    effort: positive('Largest |effort|, N·m or N.'),
    home: Type.Number({ description: 'Position of the home pose, rad or m; within the limits.' }),
    joints: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ minLength: 1 }),
            ratio: Type.Number({ default: 1, description: 'Model joint = ratio × axis.' }),
          },
          closed,
        ),
        {
          minItems: 1,
          description: 'Model joints that follow the axis. Default: the joint of the same name, ratio 1.',
        },
      ),
    ),
    kp: atLeastZeroOr(0, 'Position gain, N·m/rad or N/m. 0: the device uses its own.'),
    kd: atLeastZeroOr(0, 'Velocity gain, N·m·s/rad or N·s/m. 0: the device uses its own.'),
  },
  closed,
);

const device = Type.Object(
  {
    name: name('Name of the device, unique in the rig.'),
    kind: Type.String({
      minLength: 1,
      description: 'Built-in kind (sim, mock, dynamixel, ros2), path relative to this file, or package name.',
    }),
    axes: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'Axes that it drives, in its own order. Default: all, when the rig has one device.',
      }),
    ),
    calibration: Type.Optional(
      Type.Enum(['measured', 'none'], {
        description:
          'measured (default): kinds that can be calibrated get no torque before `armloop calibrate` was run. none: the zeros are those of this file, or are set in the servos.',
      }),
    ),
    options: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "The driver's own settings; the driver checks them.",
    }),
  },
  closed,
);

const camera = Type.Object(
  {
    name: name('Name of the camera, unique in the rig.'),
    kind: Type.String({
      minLength: 1,
      description:
        'sim: rendered from the simulated scene. ros2, a path relative to this file or a package name: delivers by itself.',
    }),
    width: Type.Integer({ minimum: 16, maximum: 4096, default: 320, description: 'Pixels.' }),
    height: Type.Integer({ minimum: 16, maximum: 4096, default: 240, description: 'Pixels.' }),
    fps: Type.Number({ exclusiveMinimum: 0, maximum: 240, default: 15, description: 'Frames per second.' }),
    quality: Type.Integer({ minimum: 1, maximum: 100, default: 85, description: 'JPEG quality.' }),
    fovyDeg: Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 170,
      default: 45,
      description: 'Vertical field of view in degrees.',
    }),
    latencyMs: atLeastZeroOr(
      20,
      'Declared time from capture until a frame can be used, ms; lockstep runs deliver frames exactly this late.',
    ),
    frame: Type.String({
      minLength: 1,
      default: 'world',
      description: 'Body that carries the camera: world, or a body of the model.',
    }),
    position: point('Position of the camera in `frame`, m.'),
    orientation: Type.Optional(
      Type.Tuple([Type.Number(), Type.Number(), Type.Number(), Type.Number()], {
        description:
          'Quaternion x, y, z, w in `frame`: camera x right, y up, looks along -z. Or give lookAt.',
      }),
    ),
    lookAt: Type.Optional(point('Point in `frame` at the centre of the picture, m.')),
    up: Type.Optional(point('Direction in `frame` that points up in the picture. Default: 0, 0, 1.')),
    options: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "The driver's own settings; the driver checks them.",
    }),
  },
  closed,
);

const output = Type.Object(
  {
    name: name('Name of the output, unique in the rig.'),
    kind: Type.String({
      minLength: 1,
      description: 'Built-in kind (ros2), path relative to this file, or package name.',
    }),
    rateHz: Type.Number({
      exclusiveMinimum: 0,
      maximum: 60,
      default: 30,
      description: 'How often the state of the rig is told, from ticks that were published.',
    }),
    options: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "The driver's own settings; the driver checks them.",
    }),
  },
  closed,
);

const leaderJoint = Type.Object(
  {
    axis: Type.String({ minLength: 1, description: 'Axis that it drives.' }),
    sign: Type.Enum([1, -1], { default: 1, description: '-1 when the axis counts the other way.' }),
    scale: positiveOr(1, 'rad (or m) of the axis per rad of the leader.'),
    offset: Type.Number({ default: 0, description: 'Position of the axis with the leader joint at 0.' }),
  },
  closed,
);

const leader = Type.Object(
  {
    name: name('Name of the leader; also the operator while it drives on its own.'),
    kind: Type.String({ minLength: 1, description: 'Kind of its driver, as for devices.' }),
    options: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "The driver's own settings; the driver checks them.",
    }),
    mapping: Type.Enum(['joint', 'pose'], {
      default: 'joint',
      description:
        'joint: axes follow the joints of the leader. pose: the tool follows the hand of the leader, from where both were when it took over.',
    }),
    joints: Type.Optional(
      Type.Array(leaderJoint, {
        description:
          'What each joint of the leader drives, in its own order. Default: the arm axes in order.',
      }),
    ),
    scale: positiveOr(1, 'For pose: m of the arm per m of the leader.'),
    model: Type.Optional(
      Type.Object(
        {
          file: Type.String({
            minLength: 1,
            description: 'MJCF or URDF of the leader, relative to this file.',
          }),
          tool: Type.String({ minLength: 1, default: 'tool', description: 'Body or site that is its hand.' }),
        },
        {
          ...closed,
          description:
            'For pose, when the leader is no copy of the arm: `joints[].axis` are joints of this model.',
        },
      ),
    ),
    trigger: Type.Optional(
      Type.Object(
        {
          released: Type.Optional(Type.Number({ description: 'Gripper opening, m. Default: open.' })),
          squeezed: Type.Optional(Type.Number({ description: 'Gripper opening, m. Default: closed.' })),
          tolerance: positiveOr(0.02, 'How far off the gripper may be at the gate, m.'),
        },
        { ...closed, description: 'The trigger drives the gripper. Left out: it does not.' },
      ),
    ),
    buttons: Type.Array(
      Type.Object(
        {
          button: Type.Integer({ minimum: 0, maximum: 30, description: 'Number of the button, from 0.' }),
          does: Type.Enum([...LEADER_ACTIONS], {
            description:
              'record: start, stop. success, failure: stop and label. intervene: the leader drives, or no longer. clutch (pose): held, the leader moves alone.',
          }),
        },
        closed,
      ),
      { default: [], maxItems: 31 },
    ),
    tolerance: positiveOr(0.15, 'Largest difference of an axis, rad, at which the leader may take over.'),
    speed: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.8,
      description: 'Share of the speed limits at which the arm follows.',
    }),
    rampMs: atLeastZeroOr(1000, 'Full speed is reached this long after the leader took over.'),
    silenceMs: positiveOr(200, 'No reading for this long: the leader is lost, and the arm holds.'),
  },
  closed,
);

const input = Type.Object(
  {
    kind: Type.String({
      minLength: 1,
      description:
        'Built-in kind (spacemouse, gamepad), path relative to this file, or package name: what a person at the rig drives with.',
    }),
    name: Type.Optional(name('Name of the input, the operator while it drives. Default: its kind.')),
    options: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "The driver's own settings; the driver checks them.",
    }),
    frame: Type.Enum(['base', 'tool'], { default: 'base', description: 'In which it moves the tool.' }),
    speed: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 1,
      description: 'Share of the teleop speeds at full deflection.',
    }),
    buttons: Type.Optional(
      Type.Array(
        Type.Object(
          {
            button: Type.Integer({ minimum: 0, maximum: 30, description: 'Number of the button, from 0.' }),
            does: Type.Enum([...INPUT_ACTIONS], {
              description:
                'record: start, stop. success, failure: stop and label. intervene: it drives under the lease in force, or gives back.',
            }),
          },
          closed,
        ),
        { maxItems: 31, description: 'What its buttons do. Default: as its driver says.' },
      ),
    ),
  },
  closed,
);

/** One robot file, as written. */
export const robotFileSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
      description: 'Rig id: letters, digits, - and _; stands in every topic, route and episode.',
    }),
    description: Type.String({ default: '', description: 'One line for people.' }),
    model: Type.Object(
      {
        file: Type.String({ minLength: 1, description: 'MJCF or URDF, relative to this file.' }),
        tool: Type.String({ minLength: 1, default: 'tool', description: 'Body or site that is the tool.' }),
      },
      closed,
    ),
    sim: Type.Optional(
      Type.Object(
        {
          task: Type.String({
            minLength: 1,
            default: 'reach',
            description: 'Simulated task that is loaded.',
          }),
          seed: Type.Integer({
            minimum: 0,
            maximum: Number.MAX_SAFE_INTEGER,
            default: 1,
            description: 'Seed of the first scene.',
          }),
          timestep: Type.Number({
            exclusiveMinimum: 0,
            maximum: 0.02,
            default: 0.001,
            description: 'Physics step, s; the loop period is a whole number of them.',
          }),
          vary: Type.Enum([...SCENE_VARY], {
            default: 'none',
            description:
              'What a new scene draws besides its objects: nothing; appearance (light, colours, textures, background); all (that, and the start pose of the arm).',
          }),
        },
        closed,
      ),
    ),
    axes: Type.Array(axis, {
      minItems: 1,
      maxItems: 64,
      description: 'Arm axes in chain order, then at most one gripper (prismatic).',
    }),
    devices: Type.Array(device, { minItems: 1, maxItems: 16 }),
    cameras: Type.Array(camera, { maxItems: 16, default: [] }),
    leader: Type.Optional(leader),
    outputs: Type.Array(output, {
      maxItems: 8,
      default: [],
      description: 'Where else the state of the rig is told.',
    }),
    input: Type.Optional(input),
    loop: Type.Object(
      {
        rateHz: Type.Number({
          minimum: 10,
          maximum: 4000,
          default: 1000,
          description: 'Rate of the control loop.',
        }),
        fifoPriority: Type.Integer({
          minimum: 0,
          maximum: 99,
          default: 80,
          description:
            'SCHED_FIFO priority asked for the loop thread, and one less for a simulation; 0 does not ask. Without the permission the rig runs on and says so.',
        }),
      },
      section,
    ),
    limits: Type.Object(
      {
        stateAgeMs: Type.Optional(
          positive('Older measured state stops the arm. Default: 20, and 100 on a simulated rig.'),
        ),
        missedMs: Type.Optional(
          positive('Missed periods in a row that stop the arm. Default: 20, and 100 on a simulated rig.'),
        ),
        deadmanMs: positiveOr(500, 'No operator input for this long: controlled hold.'),
        watchdogMs: positiveOr(100, 'No command for this long: the device holds by itself.'),
        calibrationDays: positiveOr(180, 'A calibration that is older than this, days, is worth a note.'),
        startRampMs: atLeastZeroOr(300, 'Commands are ramped in over this time after activation.'),
        resumeDistance: positiveOr(
          0.05,
          'Largest joint difference (rad) at which a lost operator may resume.',
        ),
      },
      section,
    ),
    workspace: Type.Object(
      { min: point('Lower corner, m, base frame.'), max: point('Upper corner, m, base frame.') },
      { ...closed, description: 'Box that the tool must stay in.' },
    ),
    teleop: Type.Object(
      {
        linear: positiveOr(0.25, 'Full-scale tool speed, m/s.'),
        angular: positiveOr(1, 'Full-scale tool turning speed, rad/s.'),
        joint: positiveOr(0.8, 'Full-scale joint speed, rad/s.'),
        gripper: positiveOr(0.1, 'Full-scale gripper speed, m/s.'),
      },
      section,
    ),
    shutdown: Type.Object(
      {
        park: Type.Enum(['none', 'home'], {
          default: 'none',
          description:
            'home: the arm is driven to its home pose before torque goes off. none: it ends where it is.',
        }),
      },
      section,
    ),
    recording: Type.Object(
      {
        chunkMs: Type.Number({
          minimum: 10,
          maximum: 250,
          default: 200,
          description: 'A chunk of the file is closed at least this often: a crash loses at most about two.',
        }),
        jointStateHz: positiveOr(100, 'Rate of the plain sensor_msgs/JointState topic, for other tools.'),
        sceneHz: positiveOr(30, 'Rate of recorded scene poses, for play-back.'),
        minRateRatio: Type.Number({
          exclusiveMinimum: 0,
          maximum: 1,
          default: 0.95,
          description: 'Quality gate: measured ÷ wanted rate below this is flagged.',
        }),
        maxGapMs: positiveOr(50, 'Quality gate: a longer gap between ticks is flagged.'),
        idleS: positiveOr(5, 'Quality gate: a longer span without motion is flagged.'),
      },
      section,
    ),
  },
  closed,
) satisfies TSchema;

/** A robot file after its defaults were filled in and before it was resolved. */
export type RobotFile = Type.Static<typeof robotFileSchema>;
export type CameraFile = RobotFile['cameras'][number];
export type InputFile = NonNullable<RobotFile['input']>;
export type LeaderFile = NonNullable<RobotFile['leader']>;
