/**
 * Definitions (encoding ros2msg) of the ROS 2 messages that both the recorder and the ROS 2 driver speak: from the
 * common_interfaces and rcl_interfaces repositories (Apache-2.0).
 */
export interface MessageSchema {
  /** As in `sensor_msgs/msg/JointState`. */
  readonly name: string;
  readonly definition: string;
}

const RULE = '='.repeat(80);
/** One definition with those of the messages in it, each begun by `MSG: package/Name`. */
export const rosDefinition = (...parts: readonly string[]): string => `${parts.join(`\n${RULE}\n`)}\n`;

export const TIME = 'MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec';
export const HEADER = 'MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id';
export const POINT_3 = 'float64 x\nfloat64 y\nfloat64 z';
export const QUATERNION = 'MSG: geometry_msgs/Quaternion\nfloat64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1';

const JOINT_STATE =
  'std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort';

export const jointStateSchema: MessageSchema = {
  name: 'sensor_msgs/msg/JointState',
  definition: rosDefinition(JOINT_STATE, HEADER, TIME),
};

/** JointState as a part of another message. */
export const JOINT_STATE_PART = `MSG: sensor_msgs/JointState\n${JOINT_STATE}`;

export const compressedImageSchema: MessageSchema = {
  name: 'sensor_msgs/msg/CompressedImage',
  definition: rosDefinition('std_msgs/Header header\nstring format\nuint8[] data', HEADER, TIME),
};
