/**
 * Message definitions (encoding ros2msg) as they go into the file: ROS 2's own for joint states, images, transforms
 * and logs, from the common_interfaces, geometry2 and rcl_interfaces repositories (Apache-2.0 and BSD-3-Clause), and our own made from
 * a Layout: one float64 field or array per layout field.
 */
import type { Layout } from '../robot/layout.ts';
import {
  HEADER,
  rosDefinition as join,
  type MessageSchema,
  POINT_3,
  QUATERNION,
  TIME,
} from '../robot/ros-messages.ts';

export const transformsSchema: MessageSchema = {
  name: 'tf2_msgs/msg/TFMessage',
  definition: join(
    'geometry_msgs/TransformStamped[] transforms',
    'MSG: geometry_msgs/TransformStamped\nstd_msgs/Header header\nstring child_frame_id\nTransform transform',
    'MSG: geometry_msgs/Transform\nVector3 translation\nQuaternion rotation',
    `MSG: geometry_msgs/Vector3\n${POINT_3}`,
    QUATERNION,
    HEADER,
    TIME,
  ),
};

export const LogLevel = { info: 20, warning: 30, error: 40 } as const;
export type LogLevel = keyof typeof LogLevel;

export const logSchema: MessageSchema = {
  name: 'rcl_interfaces/msg/Log',
  definition: join(
    [
      'uint8 DEBUG=10',
      'uint8 INFO=20',
      'uint8 WARN=30',
      'uint8 ERROR=40',
      'uint8 FATAL=50',
      'builtin_interfaces/Time stamp',
      'uint8 level',
      'string name',
      'string msg',
      'string file',
      'string function',
      'uint32 line',
    ].join('\n'),
    TIME,
  ),
};

/** ROS 2 field names are lower_case words: `in.op.clientTime` → `in_op_client_time`. */
export function rosFieldName(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

/** ROS 2 topic names take letters, digits and '_' between slashes. */
export function rosTopicName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]+/g, '_');
}

/** A definition of our own: the fields of a layout in order. Names that collide get their number appended. */
export function layoutSchema(
  type: string,
  layout: Layout,
): { schema: MessageSchema; names: Map<string, string> } {
  const names = new Map<string, string>();
  const lines = layout.fields
    .filter((field) => field.length > 0)
    .map((field) => {
      const base = rosFieldName(field.name);
      const name = names.has(base) ? `${base}_${names.size}` : base;
      names.set(name, field.name);
      const kind = field.length === 1 ? 'float64' : `float64[${field.length}]`;
      return `${kind} ${name} # [${field.unit}] ${field.name}${field.doc ? `: ${field.doc}` : ''}`;
    });
  return { schema: { name: `armloop_msgs/msg/${type}`, definition: `${lines.join('\n')}\n` }, names };
}

/** rosbag2 wants the QoS of every publisher in the channel's metadata (YAML, version 5 names as numbers). */
export const OFFERED_QOS = `- history: 3
  depth: 0
  reliability: 1
  durability: 2
  deadline:
    sec: 2147483647
    nsec: 4294967295
  lifespan:
    sec: 2147483647
    nsec: 4294967295
  liveliness: 1
  liveliness_lease_duration:
    sec: 2147483647
    nsec: 4294967295
  avoid_ros_namespace_conventions: false
`;
