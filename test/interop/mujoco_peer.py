"""Native MuJoCo stepping the same scene with the same controls as armloop's WebAssembly build.

Usage: mujoco_peer.py SCENE.xml SPEC.json
SPEC: {"timestep": s, "state": qpos then qvel at the start, "mocap": {body: [x y z]}, "warmup": steps,
       "ctrl": [[one row of controls per step]], "sample": every how many steps a state is printed, 0 for none}
Prints one JSON object: version, seconds spent in the steps after the warm-up, and the sampled states.

A step is what a lockstep user of the Python package does: set the controls, step, take the state out.
"""
import json
import sys
import time

import mujoco
import numpy as np

with open(sys.argv[2], encoding="utf8") as file:
    spec = json.load(file)
model = mujoco.MjModel.from_xml_path(sys.argv[1])
model.opt.timestep = spec["timestep"]
data = mujoco.MjData(model)
data.qpos[:] = spec["state"][: model.nq]
data.qvel[:] = spec["state"][model.nq :]
for name, position in spec.get("mocap", {}).items():
    data.mocap_pos[model.body(name).mocapid[0]] = position
ctrl = np.array(spec["ctrl"])
sample, warmup = spec.get("sample", 0), spec.get("warmup", 0)
state = np.zeros(model.nq + model.nv + model.nv)
qpos, qvel, force = state[: model.nq], state[model.nq : model.nq + model.nv], state[model.nq + model.nv :]
states = []
start = time.perf_counter()
for k, row in enumerate(ctrl):
    if k == warmup:
        start = time.perf_counter()
    data.ctrl[:] = row
    mujoco.mj_step(model, data)
    qpos[:] = data.qpos
    qvel[:] = data.qvel
    force[:] = data.qfrc_actuator
    if sample and (k + 1) % sample == 0:
        states.append(state[: model.nq + model.nv].tolist())
seconds = time.perf_counter() - start
json.dump({"version": mujoco.__version__, "seconds": seconds, "states": states}, sys.stdout)
