"""Native MuJoCo stepping the same scene with the same controls as armloop's WebAssembly build.

Usage: mujoco_peer.py SCENE.xml SPEC.json
SPEC: {"timestep": s, "state": qpos then qvel at the start, "mocap": {body: [x y z]},
       "ctrl": [[one row of controls per step]], "sample": every how many steps a state is printed, 0 for none,
       "warmup": steps before the clock runs, "block": steps per timed block}
Prints one JSON object: version, seconds of the fastest block, and the sampled states.

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
sample, warmup, block = spec.get("sample", 0), spec.get("warmup", 0), spec.get("block", len(ctrl))
state = np.zeros(model.nq + model.nv + model.nv)
qpos, qvel, force = state[: model.nq], state[model.nq : model.nq + model.nv], state[model.nq + model.nv :]
states = []
fastest = float("inf")
start = time.perf_counter()
for k, row in enumerate(ctrl):
    if k >= warmup and k % block == 0:
        now = time.perf_counter()
        if k > warmup:
            fastest = min(fastest, now - start)
        start = now
    data.ctrl[:] = row
    mujoco.mj_step(model, data)
    qpos[:] = data.qpos
    qvel[:] = data.qvel
    force[:] = data.qfrc_actuator
    if sample and (k + 1) % sample == 0:
        states.append(state[: model.nq + model.nv].tolist())
fastest = min(fastest, time.perf_counter() - start)
json.dump({"version": mujoco.__version__, "fastest": fastest, "states": states}, sys.stdout)
