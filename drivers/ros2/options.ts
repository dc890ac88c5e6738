/** Settings of ROS 2 devices, cameras and outputs in the robot file. */
import Type from 'typebox';
import { ArmloopError } from '../../src/errors.ts';
import type { DeviceContext } from '../../src/robot/device.ts';
import { deviceOptions, optionPath } from '../../src/robot/options.ts';
import { type RosJoint, rosJoints } from './joints.ts';

const number = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Number({ minimum, maximum, default: value, description });
const name = (description: string, value?: string) =>
  Type.String({
    pattern: '^[/~]?[A-Za-z_][A-Za-z0-9_/]*$',
    description,
    ...(value === undefined ? {} : { default: value }),
  });
const closed = { additionalProperties: false } as const;

/** The CDR writer counts letters where it should count bytes: names that go out are ASCII, as ROS 2's own are. */
const ascii = (description: string, value?: string) =>
  Type.String({
    pattern: '^[ -~]+$',
    description,
    ...(value === undefined ? {} : { default: value }),
  });

export const INTERFACES = [
  'trajectory',
  'follow_joint_trajectory',
  'position',
  'velocity',
  'effort',
] as const;
export type Interface = (typeof INTERFACES)[number];

const command = Type.Object(
  {
    interface: Type.Enum([...INTERFACES], {
      description:
        'trajectory: JointTrajectory to a topic. follow_joint_trajectory: the action. position, velocity, effort: arrays to a forward command controller.',
    }),
    controller: name(
      'Name of the controller: its topics and actions lie under it.',
      '/joint_trajectory_controller',
    ),
    rateHz: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 1000,
        description: 'Commands a second. Default: 100; 20 for the action; 250 for efforts.',
      }),
    ),
    leadMs: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 1000,
        description:
          'Trajectories: when the commanded point is to be reached. Default: two periods of rateHz.',
      }),
    ),
    pathTolerance: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'follow_joint_trajectory: largest error on the way, rad. Default: that of the controller.',
      }),
    ),
    goalTolerance: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'follow_joint_trajectory: largest error at the end, rad. Default: that of the controller.',
      }),
    ),
    goalTimeMs: number(
      0,
      0,
      10_000,
      'follow_joint_trajectory: time allowed after the end; 0: as the controller has it.',
    ),
    strays: number(
      0.2,
      0.001,
      10,
      'An arm axis that stays further than this from where it is told to be, rad or m, is a fault: a topic answers nothing.',
    ),
    gain: number(5, 0.1, 50, 'velocity: speed for each unit of position error, 1/s.'),
    stopsOnSilence: Type.Boolean({
      default: false,
      description: 'velocity: true says that the robot stops by itself when commands stop coming. Needed.',
    }),
    simulation: Type.Boolean({
      default: false,
      description: 'effort: true says that the robot is simulated. Needed: torque is refused on a real arm.',
    }),
    topics: Type.Optional(
      Type.Array(name('A topic.'), {
        description: 'effort: one std_msgs/Float64 topic for each arm axis, instead of one array for all.',
      }),
    ),
  },
  closed,
);

const gripper = Type.Object(
  {
    action: Type.Enum(['parallel_gripper_command', 'gripper_command'], {
      default: 'parallel_gripper_command',
      description: 'The action that the gripper controller serves.',
    }),
    name: name('Name of the action.', '/gripper_controller/gripper_cmd'),
    rateHz: number(10, 0.5, 50, 'Goals a second at most.'),
    resolution: number(0.0005, 1e-5, 0.01, 'Opening must change by this much for another goal, m.'),
    maxEffort: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'Largest effort of the joint, N. Default: as the controller has it.',
      }),
    ),
  },
  closed,
);

export const ros2Options = Type.Object(
  {
    states: Type.Object(
      {
        topic: name('Topic of sensor_msgs/JointState.', '/joint_states'),
        rateHz: number(100, 1, 1000, 'Messages a second that it brings.'),
        staleMs: number(100, 5, 5000, 'A message that is on its way for longer is not used.'),
        lostMs: number(500, 50, 10_000, 'Without a usable message for this long the device counts as lost.'),
      },
      { ...closed, default: {} },
    ),
    joints: Type.Record(Type.String(), ascii('Its name in ROS 2.'), {
      default: {},
      description: 'Names of joints in ROS 2 that differ from the model: model joint → ROS 2 joint.',
    }),
    command: Type.Optional(command),
    gripper: Type.Optional(gripper),
  },
  closed,
);
export type Ros2Options = Type.Static<typeof ros2Options>;
export type CommandOptions = Type.Static<typeof command>;
export type GripperOptions = Type.Static<typeof gripper>;

export const ros2CameraOptions = Type.Object(
  {
    topic: name('Topic of the pictures.', '/camera/image_raw'),
    compressed: Type.Boolean({
      default: false,
      description: 'true: sensor_msgs/CompressedImage (jpeg, png); false: sensor_msgs/Image.',
    }),
    info: Type.Optional(name('Topic of sensor_msgs/CameraInfo: what it says is compared with this file.')),
    staleMs: number(500, 5, 5000, 'A picture that is on its way for longer is not used.'),
  },
  closed,
);

export const ros2OutputOptions = Type.Object(
  {
    joints: Type.String({
      default: '/armloop/joint_states',
      description: 'Topic of sensor_msgs/JointState of the joints of the model; empty: none.',
    }),
    pose: Type.String({
      default: '/armloop/tool_pose',
      description: 'Topic of geometry_msgs/PoseStamped of the tool; empty: none.',
    }),
    frame: ascii('Name of the frame of the base.', 'base_link'),
  },
  closed,
);

export interface Ros2Setup {
  readonly options: Ros2Options;
  /** Per axis of the device. */
  readonly joints: readonly RosJoint[];
  /** Those that `command` drives, and the one that `gripper` does. */
  readonly arm: readonly RosJoint[];
  readonly gripper: RosJoint | null;
}

/** Options of a device and the joints that they make. Throws CONFIG_INVALID. */
export function ros2Setup({ robot, entry }: Omit<DeviceContext, 'now'>): Ros2Setup {
  const options = deviceOptions(ros2Options, robot, entry);
  const refuse = (path: string, value: string, rule: string): never => {
    throw new ArmloopError('CONFIG_INVALID', {
      file: robot.source.file,
      path: `${optionPath(robot, 'devices', entry)}.${path}`,
      value,
      rule,
    });
  };
  const joints = rosJoints(robot, entry.axes, options.joints);
  const known = robot.axes.flatMap((a) => a.joints.map((m) => m.name));
  for (const joint of Object.keys(options.joints)) {
    if (!known.includes(joint))
      refuse(`joints.${joint}`, options.joints[joint]!, `the joints are ${known.join(', ')}`);
  }
  const gripper =
    options.gripper === undefined ? null : (joints.find((j) => j.axis.type === 'prismatic') ?? null);
  if (options.gripper !== undefined && gripper === null)
    refuse('gripper', 'given', 'the device drives no gripper axis');
  const arm = joints.filter((j) => j !== gripper);
  const { command } = options;
  if (arm.length > 0 && command === undefined)
    refuse('command', 'missing', `it must say how ${arm.map((j) => j.axis.name).join(', ')} are driven`);
  if (arm.length === 0 && command !== undefined) refuse('command', 'given', 'the device has a gripper alone');
  if (command?.interface === 'velocity' && !command.stopsOnSilence) {
    refuse(
      'command.stopsOnSilence',
      'false',
      'a velocity that was commanded last goes on for ever when this program dies: say that the robot stops by itself without commands, or use another interface',
    );
  }
  if (command?.interface === 'effort') {
    if (!command.simulation)
      refuse(
        'command.simulation',
        'false',
        'efforts are for simulated robots: use another interface on a real arm',
      );
    const loose = arm.find((j) => j.axis.kp === 0 || j.axis.kd === 0);
    if (loose !== undefined)
      refuse('command.interface', 'effort', `axis ${loose.axis.name} needs kp and kd to hold`);
  }
  if (command?.topics !== undefined && command.interface !== 'effort')
    refuse('command.topics', 'given', 'one topic for each axis is for the interface effort');
  if (command?.topics !== undefined && command.topics.length !== arm.length)
    refuse(
      'command.topics',
      String(command.topics.length),
      `it needs one topic for each of ${arm.length} axes`,
    );
  return { options, joints, arm, gripper };
}
