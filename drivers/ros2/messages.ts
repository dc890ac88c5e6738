/**
 * The ROS 2 messages that are spoken here, as typed data with their definitions (common_interfaces and control_msgs, Apache-2.0
 * and BSD-3-Clause), and their CDR by @foxglove/rosmsg2-serialization. Field names are ROS 2's own.
 */
import { parse } from '@foxglove/rosmsg';
import { MessageReader, MessageWriter } from '@foxglove/rosmsg2-serialization';
import {
  compressedImageSchema,
  HEADER,
  JOINT_STATE_PART,
  jointStateSchema,
  type MessageSchema,
  POINT_3,
  QUATERNION,
  rosDefinition,
  TIME,
} from '../../src/robot/ros-messages.ts';

/** builtin_interfaces/Time and Duration: s and ns. */
export interface Time {
  readonly sec: number;
  readonly nanosec: number;
}
export interface Header {
  readonly stamp: Time;
  readonly frame_id: string;
}
type Numbers = ArrayLike<number> & Iterable<number>;

export interface JointState {
  readonly header: Header;
  readonly name: readonly string[];
  readonly position: Numbers;
  readonly velocity: Numbers;
  readonly effort: Numbers;
}
export interface TrajectoryPoint {
  readonly positions: Numbers;
  readonly velocities: Numbers;
  readonly accelerations: Numbers;
  readonly effort: Numbers;
  readonly time_from_start: Time;
}
export interface JointTrajectory {
  readonly header: Header;
  readonly joint_names: readonly string[];
  readonly points: readonly TrajectoryPoint[];
}
export interface JointTolerance {
  readonly name: string;
  readonly position: number;
  readonly velocity: number;
  readonly acceleration: number;
}
export interface FollowJointTrajectoryGoal {
  readonly trajectory: JointTrajectory;
  readonly multi_dof_trajectory: {
    readonly header: Header;
    readonly joint_names: readonly string[];
    readonly points: readonly never[];
  };
  readonly path_tolerance: readonly JointTolerance[];
  readonly component_path_tolerance: readonly never[];
  readonly goal_tolerance: readonly JointTolerance[];
  readonly component_goal_tolerance: readonly never[];
  readonly goal_time_tolerance: Time;
}
export interface FollowJointTrajectoryResult {
  readonly error_code: number;
  readonly error_string: string;
}
export interface GripperCommandGoal {
  readonly command: { readonly position: number; readonly max_effort: number };
}
export interface GripperCommandResult {
  readonly position: number;
  readonly effort: number;
  readonly stalled: boolean;
  readonly reached_goal: boolean;
}
export interface ParallelGripperGoal {
  readonly command: JointState;
}
export interface ParallelGripperResult {
  readonly state: JointState;
  readonly stalled: boolean;
  readonly reached_goal: boolean;
}
export interface Float64MultiArray {
  readonly layout: { readonly dim: readonly never[]; readonly data_offset: number };
  readonly data: Numbers;
}
export interface Image {
  readonly header: Header;
  readonly height: number;
  readonly width: number;
  readonly encoding: string;
  readonly is_bigendian: number;
  readonly step: number;
  readonly data: Uint8Array;
}
export interface CompressedImage {
  readonly header: Header;
  readonly format: string;
  readonly data: Uint8Array;
}
export interface CameraInfo {
  readonly header: Header;
  readonly height: number;
  readonly width: number;
  readonly distortion_model: string;
  readonly d: Numbers;
  readonly k: Numbers;
  readonly r: Numbers;
  readonly p: Numbers;
}
export interface PoseStamped {
  readonly header: Header;
  readonly pose: {
    readonly position: { readonly x: number; readonly y: number; readonly z: number };
    readonly orientation: { readonly x: number; readonly y: number; readonly z: number; readonly w: number };
  };
}

/** One message: its name, and its CDR both ways. Definitions are parsed when it is first used. */
export class Message<T> {
  readonly name: string;
  readonly definition: string;
  #writer: MessageWriter | null = null;
  #reader: MessageReader | null = null;

  constructor({ name, definition }: MessageSchema) {
    this.name = name;
    this.definition = definition;
  }

  /** CDR, little-endian, with its encapsulation header; bytes of its own. */
  encode(message: T): Uint8Array {
    this.#writer ??= new MessageWriter(parse(this.definition, { ros2: true }));
    return this.#writer.writeMessage(message);
  }

  /** Of either byte order. Arrays may be views of `bytes`. Throws RangeError and the like for bytes that are no such message. */
  decode(bytes: Uint8Array): T {
    this.#reader ??= new MessageReader(parse(this.definition, { ros2: true }));
    return this.#reader.readMessage<T>(bytes);
  }
}

const DURATION = 'MSG: builtin_interfaces/Duration\nint32 sec\nuint32 nanosec';
const TRAJECTORY = 'std_msgs/Header header\nstring[] joint_names\nJointTrajectoryPoint[] points';
const TRAJECTORY_POINT =
  'MSG: trajectory_msgs/JointTrajectoryPoint\nfloat64[] positions\nfloat64[] velocities\nfloat64[] accelerations\nfloat64[] effort\nbuiltin_interfaces/Duration time_from_start';
const VECTOR = `MSG: geometry_msgs/Vector3\n${POINT_3}`;

export const jointState = new Message<JointState>(jointStateSchema);
export const compressedImage = new Message<CompressedImage>(compressedImageSchema);

export const jointTrajectory = new Message<JointTrajectory>({
  name: 'trajectory_msgs/msg/JointTrajectory',
  definition: rosDefinition(TRAJECTORY, TRAJECTORY_POINT, DURATION, HEADER, TIME),
});

/** control_msgs/action/FollowJointTrajectory. */
export const FOLLOW_JOINT_TRAJECTORY = 'control_msgs/action/FollowJointTrajectory';
export const followGoal = new Message<FollowJointTrajectoryGoal>({
  name: `${FOLLOW_JOINT_TRAJECTORY}_Goal`,
  definition: rosDefinition(
    [
      'trajectory_msgs/JointTrajectory trajectory',
      'trajectory_msgs/MultiDOFJointTrajectory multi_dof_trajectory',
      'JointTolerance[] path_tolerance',
      'JointComponentTolerance[] component_path_tolerance',
      'JointTolerance[] goal_tolerance',
      'JointComponentTolerance[] component_goal_tolerance',
      'builtin_interfaces/Duration goal_time_tolerance',
    ].join('\n'),
    `MSG: trajectory_msgs/JointTrajectory\n${TRAJECTORY}`,
    TRAJECTORY_POINT,
    'MSG: trajectory_msgs/MultiDOFJointTrajectory\nstd_msgs/Header header\nstring[] joint_names\nMultiDOFJointTrajectoryPoint[] points',
    'MSG: trajectory_msgs/MultiDOFJointTrajectoryPoint\ngeometry_msgs/Transform[] transforms\ngeometry_msgs/Twist[] velocities\ngeometry_msgs/Twist[] accelerations\nbuiltin_interfaces/Duration time_from_start',
    'MSG: geometry_msgs/Transform\nVector3 translation\nQuaternion rotation',
    'MSG: geometry_msgs/Twist\nVector3 linear\nVector3 angular',
    VECTOR,
    QUATERNION,
    'MSG: control_msgs/JointTolerance\nstring name\nfloat64 position\nfloat64 velocity\nfloat64 acceleration',
    'MSG: control_msgs/JointComponentTolerance\nstring joint_name\nuint16 component\nfloat64 position\nfloat64 velocity\nfloat64 acceleration',
    DURATION,
    HEADER,
    TIME,
  ),
});
export const followResult = new Message<FollowJointTrajectoryResult>({
  name: `${FOLLOW_JOINT_TRAJECTORY}_Result`,
  definition: 'int32 error_code\nstring error_string\n',
});

/** control_msgs/action/GripperCommand: of older gripper controllers and of MoveIt. */
export const GRIPPER_COMMAND = 'control_msgs/action/GripperCommand';
export const gripperGoal = new Message<GripperCommandGoal>({
  name: `${GRIPPER_COMMAND}_Goal`,
  definition: rosDefinition(
    'GripperCommand command',
    'MSG: control_msgs/GripperCommand\nfloat64 position\nfloat64 max_effort',
  ),
});
export const gripperResult = new Message<GripperCommandResult>({
  name: `${GRIPPER_COMMAND}_Result`,
  definition: 'float64 position\nfloat64 effort\nbool stalled\nbool reached_goal\n',
});

/** control_msgs/action/ParallelGripperCommand: of the parallel_gripper_controller. */
export const PARALLEL_GRIPPER = 'control_msgs/action/ParallelGripperCommand';
export const parallelGoal = new Message<ParallelGripperGoal>({
  name: `${PARALLEL_GRIPPER}_Goal`,
  definition: rosDefinition('sensor_msgs/JointState command', JOINT_STATE_PART, HEADER, TIME),
});
export const parallelResult = new Message<ParallelGripperResult>({
  name: `${PARALLEL_GRIPPER}_Result`,
  definition: rosDefinition(
    'sensor_msgs/JointState state\nbool stalled\nbool reached_goal',
    JOINT_STATE_PART,
    HEADER,
    TIME,
  ),
});

export const float64MultiArray = new Message<Float64MultiArray>({
  name: 'std_msgs/msg/Float64MultiArray',
  definition: rosDefinition(
    'MultiArrayLayout layout\nfloat64[] data',
    'MSG: std_msgs/MultiArrayLayout\nMultiArrayDimension[] dim\nuint32 data_offset',
    'MSG: std_msgs/MultiArrayDimension\nstring label\nuint32 size\nuint32 stride',
  ),
});
export const float64 = new Message<{ readonly data: number }>({
  name: 'std_msgs/msg/Float64',
  definition: 'float64 data\n',
});

export const image = new Message<Image>({
  name: 'sensor_msgs/msg/Image',
  definition: rosDefinition(
    'std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data',
    HEADER,
    TIME,
  ),
});
export const cameraInfo = new Message<CameraInfo>({
  name: 'sensor_msgs/msg/CameraInfo',
  definition: rosDefinition(
    'std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\nsensor_msgs/RegionOfInterest roi',
    'MSG: sensor_msgs/RegionOfInterest\nuint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify',
    HEADER,
    TIME,
  ),
});

export const poseStamped = new Message<PoseStamped>({
  name: 'geometry_msgs/msg/PoseStamped',
  definition: rosDefinition(
    'std_msgs/Header header\nPose pose',
    'MSG: geometry_msgs/Pose\nPoint position\nQuaternion orientation',
    `MSG: geometry_msgs/Point\n${POINT_3}`,
    QUATERNION,
    HEADER,
    TIME,
  ),
});

/** Seconds of a stamp or duration. At 1.8·10⁹ s a float64 still tells 0.24 µs apart. */
export const seconds = ({ sec, nanosec }: Time): number => sec + nanosec * 1e-9;

/** The stamp or duration (≥ 0) nearest to so many seconds. */
export function timeOf(s: number): Time {
  const sec = Math.floor(s);
  const nanosec = Math.round((s - sec) * 1e9);
  return nanosec === 1e9 ? { sec: sec + 1, nanosec: 0 } : { sec, nanosec };
}

export const NO_TIME: Time = { sec: 0, nanosec: 0 };
export const NO_HEADER: Header = { stamp: NO_TIME, frame_id: '' };
