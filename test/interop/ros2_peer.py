"""Reads and writes ROS 2 messages with the Python package `mcap-ros2-support`, by definitions of its own.

Lines of JSON come in: {"decode": name, "hex": bytes} answers with the message as JSON; {"encode": name, "message": {...}}
answers with {"hex": bytes}. The definitions are those of common_interfaces and control_msgs (Apache-2.0, BSD-3-Clause).
"""

import json
import sys

from mcap_ros2._dynamic import generate_dynamic, serialize_dynamic

RULE = "\n" + "=" * 80 + "\n"
TIME = "MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec"
DURATION = "MSG: builtin_interfaces/Duration\nint32 sec\nuint32 nanosec"
HEADER = "MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id"
JOINT_STATE = "std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort"
TRAJECTORY = "std_msgs/Header header\nstring[] joint_names\ntrajectory_msgs/JointTrajectoryPoint[] points"
POINT = (
    "MSG: trajectory_msgs/JointTrajectoryPoint\nfloat64[] positions\nfloat64[] velocities\n"
    "float64[] accelerations\nfloat64[] effort\nbuiltin_interfaces/Duration time_from_start"
)
TOLERANCE = "MSG: control_msgs/JointTolerance\nstring name\nfloat64 position\nfloat64 velocity\nfloat64 acceleration"
COMPONENT = (
    "MSG: control_msgs/JointComponentTolerance\nstring joint_name\nuint16 component\n"
    "float64 position\nfloat64 velocity\nfloat64 acceleration"
)
VECTOR = "MSG: geometry_msgs/Vector3\nfloat64 x\nfloat64 y\nfloat64 z"
QUATERNION = "MSG: geometry_msgs/Quaternion\nfloat64 x\nfloat64 y\nfloat64 z\nfloat64 w"
MULTI_POINT = (
    "MSG: trajectory_msgs/MultiDOFJointTrajectoryPoint\ngeometry_msgs/Transform[] transforms\n"
    "geometry_msgs/Twist[] velocities\ngeometry_msgs/Twist[] accelerations\nbuiltin_interfaces/Duration time_from_start"
)
DEFINITIONS = {
    "sensor_msgs/msg/JointState": [JOINT_STATE, HEADER, TIME],
    "trajectory_msgs/msg/JointTrajectory": [TRAJECTORY, POINT, DURATION, HEADER, TIME],
    "control_msgs/action/FollowJointTrajectory_Goal": [
        "trajectory_msgs/JointTrajectory trajectory\n"
        "trajectory_msgs/MultiDOFJointTrajectory multi_dof_trajectory\n"
        "control_msgs/JointTolerance[] path_tolerance\n"
        "control_msgs/JointComponentTolerance[] component_path_tolerance\n"
        "control_msgs/JointTolerance[] goal_tolerance\n"
        "control_msgs/JointComponentTolerance[] component_goal_tolerance\n"
        "builtin_interfaces/Duration goal_time_tolerance",
        "MSG: trajectory_msgs/JointTrajectory\n" + TRAJECTORY,
        POINT,
        "MSG: trajectory_msgs/MultiDOFJointTrajectory\nstd_msgs/Header header\nstring[] joint_names\n"
        "trajectory_msgs/MultiDOFJointTrajectoryPoint[] points",
        MULTI_POINT,
        "MSG: geometry_msgs/Transform\ngeometry_msgs/Vector3 translation\ngeometry_msgs/Quaternion rotation",
        "MSG: geometry_msgs/Twist\ngeometry_msgs/Vector3 linear\ngeometry_msgs/Vector3 angular",
        VECTOR,
        QUATERNION,
        TOLERANCE,
        COMPONENT,
        DURATION,
        HEADER,
        TIME,
    ],
    "control_msgs/action/FollowJointTrajectory_Result": ["int32 error_code\nstring error_string"],
    "control_msgs/action/GripperCommand_Goal": [
        "control_msgs/GripperCommand command",
        "MSG: control_msgs/GripperCommand\nfloat64 position\nfloat64 max_effort",
    ],
    "control_msgs/action/GripperCommand_Result": [
        "float64 position\nfloat64 effort\nbool stalled\nbool reached_goal"
    ],
    "control_msgs/action/ParallelGripperCommand_Goal": [
        "sensor_msgs/JointState command",
        "MSG: sensor_msgs/JointState\n" + JOINT_STATE,
        HEADER,
        TIME,
    ],
    "control_msgs/action/ParallelGripperCommand_Result": [
        "sensor_msgs/JointState state\nbool stalled\nbool reached_goal",
        "MSG: sensor_msgs/JointState\n" + JOINT_STATE,
        HEADER,
        TIME,
    ],
    "std_msgs/msg/Float64MultiArray": [
        "std_msgs/MultiArrayLayout layout\nfloat64[] data",
        "MSG: std_msgs/MultiArrayLayout\nstd_msgs/MultiArrayDimension[] dim\nuint32 data_offset",
        "MSG: std_msgs/MultiArrayDimension\nstring label\nuint32 size\nuint32 stride",
    ],
    "std_msgs/msg/Float64": ["float64 data"],
    "geometry_msgs/msg/PoseStamped": [
        "std_msgs/Header header\ngeometry_msgs/Pose pose",
        "MSG: geometry_msgs/Pose\ngeometry_msgs/Point position\ngeometry_msgs/Quaternion orientation",
        "MSG: geometry_msgs/Point\nfloat64 x\nfloat64 y\nfloat64 z",
        QUATERNION,
        HEADER,
        TIME,
    ],
    "sensor_msgs/msg/Image": [
        "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data",
        HEADER,
        TIME,
    ],
    "sensor_msgs/msg/CompressedImage": ["std_msgs/Header header\nstring format\nuint8[] data", HEADER, TIME],
    "sensor_msgs/msg/CameraInfo": [
        "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k\n"
        "float64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\nsensor_msgs/RegionOfInterest roi",
        "MSG: sensor_msgs/RegionOfInterest\nuint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify",
        HEADER,
        TIME,
    ],
}


def plain(node):
    if isinstance(node, (bool, int, float, str)):
        return node
    if isinstance(node, (bytes, bytearray, memoryview)):
        return list(node)
    if hasattr(node, "__len__"):
        return [plain(item) for item in node]
    return {name: plain(getattr(node, name)) for name in node.__slots__}


for line in sys.stdin:
    ask = json.loads(line)
    name = ask.get("decode") or ask["encode"]
    text = RULE.join(DEFINITIONS[name])
    if "decode" in ask:
        print(json.dumps(plain(generate_dynamic(name, text)[name](bytes.fromhex(ask["hex"])))))
    else:
        print(json.dumps({"hex": serialize_dynamic(name, text)[name](ask["message"]).hex()}))
