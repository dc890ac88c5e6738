"""Native MuJoCo stepping the same scene with the same controls as armloop's WebAssembly build.

Usage: mujoco_peer.py SCENE.xml CONTROLS.json [SAMPLE]
CONTROLS: {"timestep": s, "home": [joint positions of the arm and fingers], "free": {object: [x y z w x y z]},
           "ctrl": [[...], ...]}. One row per step.
Prints one JSON object: version, seconds spent in the steps, and every SAMPLE-th state (qpos, then qvel).
"""
import json
import sys
import time

import mujoco
import numpy as np

model = mujoco.MjModel.from_xml_path(sys.argv[1])
with open(sys.argv[2], encoding="utf8") as file:
    spec = json.load(file)
sample = int(sys.argv[3]) if len(sys.argv) > 3 else 0
model.opt.timestep = spec["timestep"]
data = mujoco.MjData(model)
home = spec["home"]
data.qpos[: len(home)] = home
for name, pose in spec["free"].items():
    joint = model.body(name).jntadr[0]
    at = model.jnt_qposadr[joint]
    data.qpos[at : at + 7] = pose
ctrl = np.array(spec["ctrl"])
# The device adds the friction settings of the model itself; nothing else is set here.
states = []
start = time.perf_counter()
for k in range(len(ctrl)):
    data.ctrl[:] = ctrl[k]
    mujoco.mj_step(model, data)
    if sample and (k + 1) % sample == 0:
        states.append([*data.qpos, *data.qvel])
seconds = time.perf_counter() - start
json.dump({"version": mujoco.__version__, "seconds": seconds, "states": states}, sys.stdout)
