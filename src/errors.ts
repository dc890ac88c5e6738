/**
 * The error table: every error that armloop throws has a code here, a text that names value, place and rule,
 * and what to do. docs/errors.md is generated from this table and a test keeps the two equal.
 */
export const ERRORS = {
  // --- robot file and configuration
  CONFIG_UNREADABLE: {
    text: '{file} cannot be read: {reason}',
    todo: 'Check the path and the permissions; robot files live in robots/.',
  },
  CONFIG_SYNTAX: {
    text: '{file}, line {line}: {reason}',
    todo: 'Mend the YAML at that line.',
  },
  CONFIG_INVALID: {
    text: '{file}: {path} is {value}, but {rule}',
    todo: 'Change the value in the robot file; `armloop check FILE` prints the resolved rig.',
  },
  CONFIG_UNKNOWN_KIND: {
    text: '{file}: {path} names the kind {value}, which is neither built in ({known}) nor loadable: {reason}',
    todo: 'Use a built-in kind, a path relative to the robot file, or the name of an installed package.',
  },
  // --- layouts, channels, numbers
  LAYOUT_UNKNOWN_FIELD: {
    text: 'layout {layout} has no field {field}',
    todo: 'Use one of the names that the layout lists.',
  },
  LAYOUT_DUPLICATE_FIELD: {
    text: 'layout {layout} names the field {field} twice',
    todo: 'Give each field its own name.',
  },
  LENGTH_MISMATCH: {
    text: '{what} has {got} values, but {want} are needed',
    todo: 'Pass an array of the stated length.',
  },
  // --- the rig, its session and its servers
  RIG_ALREADY_RUNNING: {
    text: 'a rig of this name already runs and answers at {path}',
    todo: 'Use it (`armloop server` connects to it), or stop it first; another rig needs an id or a workspace of its own.',
  },
  RIG_UNREACHABLE: {
    text: 'the rig does not answer at {path}',
    todo: 'Wait for it to start, or start it with `armloop up`; its log is in the logs folder of the workspace.',
  },
  RIG_THREAD_DIED: {
    text: 'the {thread} thread of the rig died: {reason}',
    todo: 'The devices were told to hold. Start the rig again, and report it with the log.',
  },
  WIRE_PROTOCOL: {
    text: 'the rig and its server do not understand each other: {reason}',
    todo: 'Run both from the same version of armloop.',
  },
  LEASE_TAKEN: {
    text: '{operator} has control of this rig',
    todo: 'Watch, or ask them to release it; an emergency stop needs no control.',
  },
  LEASE_NEEDED: {
    text: 'lease {lease} is not in force',
    todo: 'Take control first; a lease ends when its operator is gone or silent.',
  },
  REQUEST_INVALID: {
    text: '{path} is {value}, but {rule}',
    todo: 'Correct the request; /docs lists what each route takes.',
  },
  REQUEST_UNKNOWN: {
    text: 'there is no {method}',
    todo: 'See /docs for what can be asked.',
  },
  REQUEST_REFUSED: {
    text: '{request} was refused: the rig is {mode}{because}',
    todo: 'Bring the rig into a mode that allows it: arm it, or clear the stop; the events of the rig say more.',
  },
  REQUEST_ENDED: {
    text: '{request} was ended: {why}',
    todo: 'What has torque holds where it is, the rest has none. Look at the arm, then clear the stop and arm it again.',
  },
  REQUEST_TIMEOUT: {
    text: '{request} had no effect within {seconds} s',
    todo: 'Look at the events of the rig and at the health of its loop.',
  },
  LEADER_LOST: {
    text: 'the leader {leader} cannot drive: {reason}',
    todo: 'See that it is powered and plugged in; the rig finds it by itself.',
  },
  LEADER_MISMATCH: {
    text: 'the leader {leader} is not where the arm is: {joints}',
    todo: 'Move the leader (or the arm) until they agree; the console and `armloop leader` show the differences.',
  },
  LEADER_STUCK: {
    text: 'the leader {leader} did not reach the pose of the arm within {seconds} s: {joints}',
    todo: 'Let it go while it moves, and see that nothing is in its way.',
  },
  LEADER_NONE: {
    text: 'the robot file names no leader',
    todo: 'Give it one: docs/leaders.md.',
  },
  RECORDING_STATE: {
    text: '{request} needs a recording that is {wanted}, but it is {state}',
    todo: 'Start, stop and label a recording in that order.',
  },
  SCENE_BUSY: {
    text: 'the scene cannot be changed: {reason}',
    todo: 'Finish or discard the recording first, or use re-record.',
  },
  NOT_SIMULATED: {
    text: '{request} needs a simulated rig',
    todo: 'Real scenes are reset by hand, and real arms are pushed by hand.',
  },
  REPLAY_IMPOSSIBLE: {
    text: 'episode {episode} cannot be replayed on this rig: {reason}',
    todo: 'Replay it on the rig, with the robot file, that it was recorded with.',
  },
  HOST_REFUSED: {
    text: 'the {header} header {value} is not an address of this server',
    todo: 'Open the console at the address that `armloop up` prints.',
  },
  TOKEN_NEEDED: {
    text: 'this server needs its token',
    todo: 'Send it as `Authorization: Bearer TOKEN`, or open the console with ?token=TOKEN once.',
  },
  SERVER_NEEDS_TOKEN: {
    text: 'listening on {host}, which other machines can reach, needs a token',
    todo: 'Add --token with a secret of at least 16 characters, or leave --host away.',
  },
  SERVER_PORT: {
    text: 'port {port} of {host} cannot be used: {reason}',
    todo: 'Choose another with --port, or stop what uses it.',
  },
  // --- recording and episodes
  RECORD_STATE: {
    text: 'the recorder cannot {what} while it is {state}',
    todo: 'Follow the order: start, stop, then label or discard.',
  },
  RECORD_NO_SNAPSHOT: {
    text: 'the loop gave no memory snapshot within {seconds} s, so the recording did not start',
    todo: 'Look at the loop state on the console: a loop that does not run cannot be recorded.',
  },
  RECORD_FAILED: {
    text: 'the recording broke off: {reason}',
    todo: 'Free disk space or mend the workspace folder. What was written is repaired and kept at the next start.',
  },
  EPISODE_BAD_ID: {
    text: '{id} is not an episode id',
    todo: 'Ids have lower-case letters, digits, "-" and "_"; `armloop episodes list` prints them.',
  },
  EPISODE_UNKNOWN: {
    text: 'there is no episode {id}',
    todo: 'See `armloop episodes list`, with --trash for the trash; check --workspace.',
  },
  EPISODE_EXISTS: {
    text: 'episode {id} is already in {where}',
    todo: 'Nothing is overwritten: move the other one away first.',
  },
  EPISODE_BUSY: {
    text: 'episode {id} is being recorded',
    todo: 'Stop and label the recording first.',
  },
  VERIFY_REFUSED: {
    text: 'episode {id} cannot be verified: {reason}',
    todo: 'Use the versions that it was recorded with; an episode with missing ticks cannot be proved.',
  },
  SERVER_UNREACHABLE: {
    text: '{url} did not do it: {reason}',
    todo: 'Start a rig with `armloop up`, check --server and --token, or replay with --lockstep.',
  },
  EPISODE_DAMAGED: {
    text: 'episode {id} cannot be read: {reason}',
    todo: 'Run `armloop episodes repair {id}`; it keeps every sound record and the damaged bytes.',
  },
  EPISODE_NO_CAMERA: {
    text: 'episode {id} has no camera {camera}',
    todo: 'The episode lists its cameras: `armloop episodes show {id}`.',
  },
  GOAL_NONE: {
    text: 'the episode {id} shows no goal: nobody drove the arm in it',
    todo: 'Name an episode in which somebody or something drove to where the arm is to go.',
  },
  LEDGER_DAMAGED: {
    text: '{file}, line {line}: {text} is no fact of a ledger',
    todo: 'Remove the line if you know what it was; only the last line of a ledger may be torn, and that is passed over.',
  },
  // --- lockstep cells and collection
  CELL_NO_CAMERA: {
    text: 'robot {robot} has no camera {camera}; it has {known}',
    todo: 'Name cameras of the robot file, separated by commas.',
  },
  CELL_NOT_LOCKSTEP: {
    text: 'device {device} of kind {kind} does not run in lockstep',
    todo: 'Use a robot file whose devices are simulated, or collect in real time on a running rig with --server.',
  },
  COLLECTION_UNKNOWN: {
    text: 'there is no collection {id} in {folder}',
    todo: 'Check the id and --workspace; `armloop collect --list` prints what there is.',
  },
  COLLECTION_BUSY: {
    text: 'collection {id} is being worked on by process {pid}',
    todo: 'Wait for it, or stop it with Ctrl-C where it runs.',
  },
  COLLECTION_CHANGED: {
    text: 'collection {id} cannot go on as it began: {what} is another one now',
    todo: 'Put it back as it was, or start a new collection.',
  },
  COLLECTION_OTHER_RIG: {
    text: 'the rig at {server} is {robot} with the task {task}; wanted: {wanted}',
    todo: 'Start the rig that is wanted (its robot file says sim.task), or leave --task away.',
  },
  TEACHER_NO_PHASES: {
    text: 'no teacher knows the task {task}',
    todo: 'Give the task phases (src/robot/task.ts), or collect it with a policy or by hand.',
  },
  TEACHER_NO_PLAN: {
    text: 'the teacher cannot plan the phase {phase}: {reason}',
    todo: 'Mend the phases of the task, or place its objects where the arm can reach them.',
  },
  // --- threads of the loop
  LOOP_QUEUE_FULL: {
    text: 'the loop has not taken the requests that already wait, so no more can be queued',
    todo: 'Look at the health of the loop: it is stopped or far behind. Restart the rig when it does not recover.',
  },
  THREAD_NOT_STARTED: {
    text: 'the thread {thread} did not start: {reason}',
    todo: 'Mend what the reason names, then start again.',
  },
  DEVICE_HOST: {
    text: 'device {device} could not {what}: {reason}',
    todo: 'Mend what the reason names, then start again.',
  },
  WORKER_LOST: {
    text: 'the worker thread {thread} was lost: {reason}',
    todo: 'What was finished is kept. Run the same again to go on; with fewer workers when memory was short.',
  },
  // --- devices
  DEVICE_UNREACHABLE: {
    text: 'device {device} did not answer: {reason}',
    todo: 'Check that it is powered and connected, then start again.',
  },
  DEVICE_MISUSED: {
    text: 'device {device} cannot {what}: {reason}',
    todo: 'Open a device once, then enable, disable and close it; make a new one to open it again.',
  },
  DEVICE_HALTED: {
    text: 'device {device} was told to stop while its torque came on: what has none yet gets none',
    todo: 'Look at the arm, then arm it again.',
  },
  DEVICE_PORT_MISSING: {
    text: 'device {device} has no port {port}: {reason}',
    todo: 'Plug the adapter in, or name another port in the robot file; `armloop driver KIND ports` lists what there is.',
  },
  DEVICE_PORT_TAKEN: {
    text: 'device {device} cannot open {port}: {holder} has it open',
    todo: 'End that program, or give this device another port: a serial bus has one master.',
  },
  DEVICE_PORT_FORBIDDEN: {
    text: 'device {device} may not open {port}: only {group} may',
    todo: 'Join that group (`sudo usermod -aG GROUP $USER`), then log out and in again; docs/hardware says more.',
  },
  DEVICE_PORT_FAILED: {
    text: 'device {device} cannot open {port}: {reason}',
    todo: 'Mend what the reason names, then start again.',
  },
  DEVICE_SILENT: {
    text: 'device {device}: nothing on {port} answers at {baud} baud ({heard})',
    todo: 'Check power and cable, then the baud rate: `armloop driver KIND scan --port PORT` tries all of them.',
  },
  DEVICE_SERVO_MISSING: {
    text: 'device {device}: {missing} on {port}; ids that answer: {found}',
    todo: 'Check cable and power from the first one that is missing on, and the ids in the robot file.',
  },
  DEVICE_SERVO_WRONG: {
    text: 'device {device}: {servo} {problem}',
    todo: 'Correct the robot file, or set the servo with `armloop driver KIND set`.',
  },
  DEVICE_SERVO_FAULT: {
    text: 'device {device}: {servo}: {fault}',
    todo: 'Take the load off and let it cool, check its power, then reboot it: `armloop driver KIND reboot --port PORT --id ID`.',
  },
  DEVICE_BUS: {
    text: 'device {device}: {servo} {problem}',
    todo: 'Check the cable and that every id is there once; docs/hardware lists what each means.',
  },
  INPUT_UNAVAILABLE: {
    text: 'inputs cannot be read on this system: {reason}',
    todo: 'Install libusb and libudev, which node-hid needs: on Debian and Ubuntu `sudo apt install libusb-1.0-0`. The browser takes a gamepad without.',
  },
  DEVICE_NOT_ACTIVATED: {
    text: 'device {device}: the gripper on {port} is not activated',
    todo: 'Take hands and things out of its fingers, then run `armloop driver robotiq activate --port PORT`: it opens and closes all the way. Or let the rig do it: `activate: when-armed`.',
  },
  DEVICE_GRIPPER_FAULT: {
    text: 'device {device}: the gripper on {port}: {fault}',
    todo: 'Mend what it says, then activate it anew: `armloop driver robotiq activate --port PORT`.',
  },
  ROS_MISSING: {
    text: 'ROS 2 cannot be used: {reason}',
    todo: 'Source ROS 2 (`source /opt/ros/jazzy/setup.bash`), run `npm install rclnodejs` in that shell beside armloop, and start armloop there; docs/hardware/ros2.md says more.',
  },
  ROS_FAILED: {
    text: 'the ROS 2 node could not be made: {reason}',
    todo: 'Check RMW_IMPLEMENTATION and ROS_DOMAIN_ID, and that `ros2 topic list` works in the same shell.',
  },
  DRIVER_USAGE: {
    text: 'armloop driver {kind}: {problem}; it is used as: {usage}',
    todo: '`armloop driver KIND` lists the tools of a driver with their arguments.',
  },
  EMULATOR_IMPOSSIBLE: {
    text: 'an emulator cannot run here: {reason}',
    todo: 'Emulators need Linux or macOS with perl or python3; a robot file with `sim` or `mock` devices runs anywhere.',
  },
  // --- calibration
  CALIBRATION_INVALID: {
    text: '{file}: {path} is {value}, but {rule}',
    todo: 'Move this version away: the one before it holds then; or measure again with `armloop calibrate ROBOT`.',
  },
  CALIBRATION_MISSING: {
    text: 'torque stays off, because device {device} is not calibrated: {reason}',
    todo: 'Run `armloop calibrate ROBOT` and what it names, with the same --workspace; `calibration: none` in the robot file where zeros are set in the servos.',
  },
  CALIBRATION_STALE: {
    text: 'torque stays off, because the calibration of device {device} no longer fits: {reason}',
    todo: 'Measure those axes again (`armloop calibrate ROBOT joints --axis NAME`), or take back the change of the robot file.',
  },
  CALIBRATION_UNSTEADY: {
    text: '{axis} did not come to rest within {seconds} s: it still moves over {way}',
    todo: 'Hold it still, or lay it on something, and take the reading again.',
  },
  CALIBRATION_UNREPEATABLE: {
    text: '{axis} was {off} {unit} off when it was brought to the same place again; {limit} is allowed',
    todo: 'Begin again with the first place; a jig, a stop or marks help. A joint with that much play cannot be calibrated better.',
  },
  CALIBRATION_RANGE: {
    text: 'the ends of {axis} cannot be right: {problem}',
    todo: 'Move that axis alone from its + end to its − end and take both readings again, skip it, or correct its limits in the robot file.',
  },
  CALIBRATION_STEP: {
    text: 'the calibration cannot be {what}: {reason}',
    todo: 'Follow the step that is shown; `armloop calibrate ROBOT` and the console show it.',
  },
  CALIBRATION_STOPPED: {
    text: 'the calibration was stopped before its end: {reason}',
    todo: 'Nothing was written; run it again when you can go through all of its steps.',
  },
  CALIBRATION_NOBODY: {
    text: 'no servo answers for {axis}, at any baud rate',
    todo: 'Connect the servo of that axis alone, check its power and cable, then try again. Two servos with one id can silence each other.',
  },
  CALIBRATION_SEVERAL: {
    text: '{count} servos answer where that of {axis} was to be alone: {list}',
    todo: 'Leave only the servo that is meant on the line, then try again.',
  },
  CALIBRATION_ID_TAKEN: {
    text: 'id {id} at {baud} baud, which {axis} is to have, is taken: on the line are {list}',
    todo: 'Unplug the servo that has it, or leave it alone on the line if it is the one that is meant; then try again.',
  },
  CALIBRATION_CLASH: {
    text: 'what answers for {axis} is {list}, but what it is asked for arrives damaged each time',
    todo: 'Two servos have that id: leave one on the line. If there is one only, check its cable.',
  },
  CALIBRATION_OTHER: {
    text: '{axis} is to be a {model}, but what answers is {list}',
    todo: 'Connect the servo that is meant, or correct its model in the robot file.',
  },
  CALIBRATION_NAMED: {
    text: 'what answers for {axis} is {list}, which was named {other} just now',
    todo: 'Connect the next servo. If this is the next one, give it another id first: `armloop driver KIND set`.',
  },
  CALIBRATION_NOT_KEPT: {
    text: 'the servo of {axis} was told {what}, which did not hold: it still has {is}',
    todo: 'Turn its power off and on, then try again. A servo that never keeps it has a worn or locked EEPROM: replace it.',
  },
  CALIBRATION_NONE: {
    text: '{what} cannot be calibrated: {reason}',
    todo: 'Name a device, axes and a procedure that fit the robot file; `armloop check ROBOT` lists them.',
  },
  // --- command line
  BENCH_UNKNOWN: {
    text: 'there is no bench {name}; there are: {known}',
    todo: 'Use one of those names; `armloop bench` lists them.',
  },
  // --- recipes and training
  RECIPE_UNREADABLE: {
    text: 'the recipe {file} cannot be read: {reason}',
    todo: 'Check the path; docs/train.md shows what a recipe looks like.',
  },
  RECIPE_SYNTAX: {
    text: '{file}, line {line}: {reason}',
    todo: 'Mend the YAML at that line.',
  },
  RECIPE_INVALID: {
    text: '{file}: {path} is {value}, but {rule}',
    todo: 'Change the value in the recipe; docs/train.md lists every entry with its default.',
  },
  CHECKPOINT_DAMAGED: {
    text: '{file} is not a sound checkpoint: {reason}',
    todo: 'Resume from the run folder, which falls back to the newest sound one.',
  },
  RUN_UNKNOWN: {
    text: 'there is no run {run} in {folder}',
    todo: 'See `armloop runs list`; check --workspace.',
  },
  RUN_EXISTS: {
    text: 'there is a run {run} already, in {folder}',
    todo: 'Go on with it with `armloop train --resume RUN`, or give another id with --run.',
  },
  RUN_DIFFERS: {
    text: 'the run {run} cannot go on as it began: {what} was {then} and is {now}',
    todo: 'Give back what it was trained with, or allow the change with --allow-changes; the weights then differ from an uninterrupted run.',
  },
  TRAIN_UNDEPLOYABLE: {
    text: 'the policy {policy} would not fit {robot}, whose episodes it is to learn from: {problems}',
    todo: 'Change the sections observation, action and deployment of the recipe.',
  },
  POLICY_EXISTS: {
    text: 'there is a policy {name} already, in {folder}',
    todo: 'Give another name with --name, or replace it with --force.',
  },
  RUN_BUSY: {
    text: 'the run {run} is being trained by process {pid}',
    todo: 'Wait for it, or stop it with Ctrl-C where it runs.',
  },
  // --- evaluation
  SEEDS_INVALID: {
    text: 'the seeds {seeds} cannot be used: {rule}',
    todo: 'Give them as in --seeds 0..99 or --seeds 3,7,9..12.',
  },
  EVALUATION_UNKNOWN: {
    text: 'there is no evaluation {id} in {folder}',
    todo: 'See the folder evaluations of the workspace; check --workspace.',
  },
  EVALUATION_BUSY: {
    text: 'evaluation {id} is being worked on by process {pid}',
    todo: 'Wait for it, or stop it with Ctrl-C where it runs.',
  },
  EVALUATION_EXISTS: {
    text: 'there is an evaluation {id} already',
    todo: 'Go on with it by --resume, or give another --id.',
  },
  EVALUATION_CHANGED: {
    text: 'evaluation {id} cannot go on: {what} is not what it was when it began',
    todo: 'Begin a new evaluation; episodes of two different things must not be counted together.',
  },
  // --- robot models
  MODEL_UNREADABLE: {
    text: 'the model {file} cannot be read: {reason}',
    todo: 'Check model.file in the robot file: a path relative to it, to an MJCF or URDF file.',
  },
  MODEL_SYNTAX: {
    text: '{file}, line {line}: not well-formed XML: {reason}',
    todo: 'Mend the XML at that line.',
  },
  MODEL_INVALID: {
    text: '{file}, line {line}: {element}: {rule}',
    todo: 'Mend the element in the model file.',
  },
  MODEL_UNSUPPORTED: {
    text: '{file}, line {line}: {element} is not read: {rule}',
    todo: 'Write the model of arm and gripper without it; objects and scenes belong in files of their own.',
  },
  MODEL_UNKNOWN_FRAME: {
    text: '{file} has no body or site {frame}; it has {known}',
    todo: 'Use one of these names, or add a site of that name to the model.',
  },
  MODEL_UNKNOWN_JOINT: {
    text: 'the axis {axis} drives the joint {joint}, which {file} does not have; it has {known}',
    todo: 'Mend the joints of the axis in the robot file.',
  },
  MODEL_NOT_IN_ARENA: {
    text: 'the array {name} does not lie in the arena of the generated code',
    todo: 'Take it from `alloc` or `slice` of the arena that the model was generated with.',
  },
  MODEL_ARENA_FULL: {
    text: 'the memory of the generated code has {free} bytes left, but {wanted} are needed',
    todo: 'Make the arena larger, or the problem smaller.',
  },
  MODEL_NO_DYNAMICS: {
    text: '{file}: the dynamics of the body {body} are not known: {reason}',
    todo: 'Give the body an <inertial> with mass and inertia, or lock the joints that move it.',
  },
  MODEL_NO_MASS: {
    text: '{file}: the joint {joint} moves nothing that has a mass, and has no armature',
    todo: 'Give a body that it moves an <inertial>, give the joint an armature, or lock it.',
  },
  MODEL_NO_JOINT: {
    text: '{file} has no joint that moves',
    todo: 'Name a model of an arm, and leave at least one joint unlocked.',
  },
  MODEL_MIMIC_LOOP: {
    text: '{file}: the joints {joints} mimic one another in a circle',
    todo: 'Let one of them move by itself.',
  },
  MODEL_OPTION: {
    text: 'the option {option} of the dynamics is {value}, but {rule}',
    todo: 'Mend the option where the model is built.',
  },
  // --- simulation
  SIM_MODEL_INVALID: {
    text: '{file} is not a model that MuJoCo can load: {reason}',
    todo: 'Mend the MJCF file at the place that the message names.',
  },
  SIM_UNKNOWN_NAME: {
    text: 'the simulated scene has no {kind} named {name}',
    todo: 'Check the names in the robot file and the task against the scene in sim/models.',
  },
  SIM_UNKNOWN_TASK: {
    text: 'there is no task named {task}; known: {known}',
    todo: 'Name one of the known tasks as sim.task in the robot file.',
  },
  // --- cameras and rendering
  CAMERA_NO_RENDERER: {
    text: 'the module {url} draws no scenes: {reason}',
    todo: "Name a module that exports createRenderer; armloop's own is sim/render.",
  },
  CAMERA_THREAD: {
    text: 'the camera thread ended: {reason}',
    todo: 'The rig goes on without camera pictures; start it again, and report the message.',
  },
  CAMERA_SILENT: {
    text: 'camera {camera} gave no usable picture within {seconds} s: {reason}',
    todo: 'Check that it runs and delivers what the robot file says (size, topic, port), then start again.',
  },
  RENDER_UNKNOWN_FRAME: {
    text: 'camera {camera} is carried by {frame}, which is no body of the scene ({known})',
    todo: "Set the camera's frame to world or to one of the bodies listed.",
  },
  // --- policies
  POLICY_FEATURE: {
    text: 'a feature cannot be read from the ticks: {problem}',
    todo: 'Name fields, components and widths as the Tick layout has them; docs/policies.md lists the useful ones.',
  },
  POLICY_UNKNOWN: {
    text: 'there is no policy {policy}; there are: {known}',
    todo: 'Name one of them, or give the path of a bundle; `armloop policies` lists them.',
  },
  POLICY_UNREADABLE: {
    text: '{policy} cannot be read: {reason}',
    todo: 'A bundle is a folder with policy.json and the model that it names, inside the same folder.',
  },
  POLICY_INVALID: {
    text: '{file}: {path} is {value}, but {rule}',
    todo: 'Mend policy.json; docs/policies.md explains every key.',
  },
  POLICY_CHANGED: {
    text: '{file} of the policy {policy} has the SHA-256 {got}, but its policy.json names {want}',
    todo: 'Take both files from one export. After replacing the model on purpose, write its new hash into policy.json.',
  },
  POLICY_MISMATCH: {
    text: 'the policy {policy} does not fit {robot}: {problems}',
    todo: 'Mend what is listed in policy.json or in the robot file, or use the robot that it was trained for.',
  },
  POLICY_ASKED: {
    text: 'the policy {policy} cannot do what it is asked: {reason}',
    todo: 'Ask for one of its tasks (--task), or give it its goal (--goal-of EPISODE); the console offers what it takes.',
  },
  POLICY_RUNTIME: {
    text: 'the policy {policy} cannot be run by {runtime}: {reason}',
    todo: 'Check the model file with the tools of its format, and that the runtime is installed.',
  },
  POLICY_REMOTE: {
    text: 'the policy server at {url} did not answer: {reason}',
    todo: 'Start it, check the address in policy.json, and look at its log.',
  },
  POLICY_TAKEN: {
    text: 'another policy is called {policy} already, in {folder}',
    todo: 'Give one of the two another name in its policy.json, or move the other away.',
  },
  POLICY_NONE: {
    text: 'no policy is loaded that could go on',
    todo: 'Deploy one first.',
  },
  POLICY_OUTPUT: {
    text: 'the policy {policy} answered {what}',
    todo: 'Check the output of the model against policy.json: float32, horizon × size, finite.',
  },
  // --- data for training
  DATASET_SPEC: {
    text: '{what} is {value}, but {rule}',
    todo: 'Change what a sample is: the recipe sections observation and action, see docs/data.md.',
  },
  DATASET_EMPTY: {
    text: 'there are no {what}: {reason}',
    todo: 'Record more, label them, or ask for others: `armloop episodes list` shows task, label and who drove.',
  },
  DATASET_MIXED: {
    text: 'episodes {a} and {b} cannot be learnt from together: {difference}',
    todo: 'Choose the episodes of one robot with one setting, by their ids or by a narrower query.',
  },
  DATASET_STOPPED: {
    text: 'reading the episodes was stopped after {done} of {of}',
    todo: 'Start again: what was read is in the cache.',
  },
  DATA_MEMORY: {
    text: 'the samples need {need} MB without their frames, but {limit} MB may be used',
    todo: 'Give the data more memory, use fewer episodes, or lower rateHz or phases.',
  },
  DATA_CACHE_FULL: {
    text: 'these episodes need {need} MB in the cache {folder}, but {limit} MB may be used',
    todo: 'Give the cache more room, use smaller images or fewer episodes.',
  },
  DATA_CACHE_LOST: {
    text: 'a file of the cache was lost while it was in use: {file}: {reason}',
    todo: 'Start again: what is missing is made anew. Leave the cache folder alone while something trains from it.',
  },
  DATA_WORKER: {
    text: 'a thread that makes batches died: {reason}',
    todo: 'Resume the run from its last checkpoint; if it happens again, report it with the message.',
  },
  DATA_CLOSED: {
    text: 'the loader of batches is closed',
    todo: 'Ask for no batch after the loader was disposed of.',
  },
  INTERNAL: {
    text: '{what}',
    todo: 'This is a defect in armloop: please report it with the message and the steps that led to it.',
  },
  // --- planning
  PLAN_PROBLEM_INVALID: {
    text: 'this problem cannot be solved: {what} is {value}, but {rule}',
    todo: 'Correct the problem; the comments of src/plan/problem.ts say what each part must be.',
  },
  PLAN_SETTING_INVALID: {
    text: 'the setting {what} of the solver is {value}, but {rule}',
    todo: 'Correct the setting; the comments of the settings.ts beside the solver say what each may be.',
  },
  PLAN_NOT_FINITE: {
    text: '{what} at stage {stage} gave {value}',
    todo: 'Start from controls that keep the model in its range, or shorten the horizon; the last good plan stays in force.',
  },
  PLAN_SAMPLES_FAILED: {
    text: '{solver}: all {samples} sequences of controls that it drew blew up',
    todo: 'Make sigma smaller or the horizon shorter, so that some samples stay where the model is finite; the last good plan stays in force.',
  },
  PLAN_NO_DESCENT: {
    text: 'no step lowers the cost: the regularisation reached {regularisation} at cost {cost}',
    todo: 'Look for derivatives that do not belong to the model, and for costs that are not smooth; the last good plan stays in force.',
  },
  PLAN_NO_STEP: {
    text: 'no step along the gradient lowers the cost {cost}: the shortest tried was {step}',
    todo: 'Compare the derivatives with finite differences of the model, and look for costs that are not smooth; the last good plan stays in force.',
  },
  PLAN_UNKNOWN_TASK: {
    text: 'there is no planning task {task}; known are {known}',
    todo: 'Use one of the names that GET /api/planner/tasks lists.',
  },
  PLAN_NO_PLANT: {
    text: 'planners have no model of the scene of the task {task}',
    todo: 'Choose a planning task that moves the arm alone, or a simulated task whose kind offers `createPlant` for it.',
  },
  PLAN_NONE: {
    text: 'no planner is loaded',
    todo: 'Start one with POST /api/planner/start.',
  },
  // --- training engine
  NN_SHAPE: {
    text: '{op} does not fit {tensors}: {rule}',
    todo: 'Correct the shapes where the network is built; the names in the text say which part of it.',
  },
  NN_GRAPH: {
    text: '{what} cannot be part of the graph: {reason}',
    todo: 'Build each graph from its own tensors, and name parameters apart with scopes.',
  },
  MODEL_CONFIG_INVALID: {
    text: '{path} is {value}, but {rule}',
    todo: 'Change the model part of the recipe; docs/methods/heads.md says what each value does.',
  },
  NN_FEED: {
    text: 'input {input} cannot be fed: {reason}',
    todo: 'Give every input of the graph by its name, with its shape and type.',
  },
  NN_PROVIDER: {
    text: 'ONNX Runtime cannot use its provider {provider}: {reason}',
    todo: 'Run on the CPU, or install its GPU libraries: docs/training-engine.md says how.',
  },
  NN_NO_GRADIENT: {
    text: '{what} has no gradient: {reason}',
    todo: 'Differentiate only what depends smoothly on the parameters; put what does not behind stopGradient.',
  },
  NN_PEER_MISSING: {
    text: 'the optional package {name} cannot be loaded: {reason}',
    todo: 'Install it beside armloop (`npm i {name}`), or use the ONNX Runtime executor, which needs nothing more.',
  },
  ONNX_UNREADABLE: {
    text: '{file} is no ONNX model that can be read: {reason}',
    todo: 'Export it again, with all weights inside the one file.',
  },
  NN_STATE: {
    text: 'the state does not fit this training step: {reason}',
    todo: 'Resume with the network, optimiser and options that the state was saved with.',
  },
  NN_DIVERGED: {
    text: 'the {what} of step {step} is {value}',
    todo: 'Lower the learning rate, clip gradients, or look for values in the data that are not finite.',
  },
} as const;

export type ErrorCode = keyof typeof ERRORS;

type Holes<S extends string> = S extends `${string}{${infer K}}${infer R}` ? K | Holes<R> : never;

/** The values that an error's text asks for, by the names in its braces. */
export type ErrorDetails<C extends ErrorCode> = Record<Holes<(typeof ERRORS)[C]['text']>, string | number>;

/** Any error that armloop raises on purpose: a code of the table, its text filled in, and what to do. */
export class ArmloopError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'ArmloopError';
  readonly code: C;
  readonly todo: string;
  readonly details: ErrorDetails<C>;

  constructor(code: C, details: ErrorDetails<C>, options?: { cause?: unknown }) {
    super(fill(ERRORS[code].text, details as Record<string, string | number>), options);
    this.code = code;
    this.todo = ERRORS[code].todo;
    this.details = details;
  }
}

function fill(text: string, details: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, key: string) => String(details[key] ?? '?'));
}

/** What to print for a caught value: its text and, for an armloop error, what to do about it. */
export function explain(error: unknown): string {
  if (error instanceof ArmloopError) return `${error.code}: ${error.message}\n  ${error.todo}`;
  return error instanceof Error ? error.message : String(error);
}
