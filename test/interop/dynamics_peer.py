"""Pinocchio and MuJoCo on the trees and states of armloop's dynamics test.

Usage: dynamics_peer.py SPEC.json STATES.bin RESULTS.bin
SPEC: {"states": per tree, "trees": [{"mjcf", "urdf": text, "bodies": [name],
       "joints": [{"name", "ref", "armature", "damping"}]}]}
STATES: float64, per tree and state: q, v, a, tau, n each in the order of `joints`; q counts as in the MJCF text.
RESULTS: float64, per tree and state, n × n matrices row-major in that order:
  Pinocchio  per body x y z, qx qy qz qw, Jacobian 6 × n; rnea, forward, M, drnea/dq, /dv, dforward/dq, /dv, /dtau
  MuJoCo     per body x y z, qx qy qz qw, Jacobian 6 × n; inverse, forward, M
Jacobians are of the body's origin, linear above angular, in the base frame.

Pinocchio's algorithms know armature but no damping: D v is added here, and D to the derivatives by v.
"""
import json
import sys

import mujoco
import numpy as np
import pinocchio as pin

with open(sys.argv[1], encoding="utf8") as file:
    spec = json.load(file)
states = np.fromfile(sys.argv[2])
out = open(sys.argv[3], "wb")
count = spec["states"]
at = 0
for tree in spec["trees"]:
    joints, bodies = tree["joints"], tree["bodies"]
    n = len(joints)
    ref = np.array([j["ref"] for j in joints])
    armature = np.array([j["armature"] for j in joints])
    damping = np.array([j["damping"] for j in joints])

    model = pin.buildModelFromXML(tree["urdf"])
    assert model.nv == n and model.nq == n, (model.nq, n)
    # order[k]: Pinocchio's index of the k-th joint of the list.
    order = np.array([model.joints[model.getJointId(j["name"])].idx_v for j in joints])
    model.armature[order] = armature
    data = model.createData()
    frames = [model.getFrameId(b, pin.BODY) for b in bodies]
    square = np.ix_(order, order)

    mj = mujoco.MjModel.from_xml_string(tree["mjcf"])
    assert mj.nv == n, (mj.nv, n)
    md = mujoco.MjData(mj)
    mjids = [mujoco.mj_name2id(mj, mujoco.mjtObj.mjOBJ_BODY, b) for b in bodies]
    dofs = np.array([mj.joint(j["name"]).dofadr[0] for j in joints])
    mjsquare = np.ix_(dofs, dofs)
    jacp, jacr, full = np.zeros((3, n)), np.zeros((3, n)), np.zeros((n, n))

    for _ in range(count):
        q, v, a, tau = states[at : at + 4 * n].reshape(4, n)
        at += 4 * n
        parts = []

        pq, pv, pa, pt = (np.zeros(n) for _ in range(4))
        pq[order], pv[order], pa[order], pt[order] = q - ref, v, a, tau - damping * v
        pin.computeJointJacobians(model, data, pq)
        pin.updateFramePlacements(model, data)
        for f in frames:
            parts.append(pin.SE3ToXYZQUAT(data.oMf[f]))
            jacobian = pin.getFrameJacobian(model, data, f, pin.LOCAL_WORLD_ALIGNED)
            parts.append(jacobian.reshape(6, n)[:, order])  # of one column eigenpy makes a vector
        parts.append(pin.rnea(model, data, pq, pv, pa)[order] + damping * v)
        parts.append(pin.aba(model, data, pq, pv, pt)[order])
        parts.append(pin.crba(model, data, pq).reshape(n, n)[square])
        dq, dv, _ = pin.computeRNEADerivatives(model, data, pq, pv, pa)
        dq, dv = dq.reshape(n, n), dv.reshape(n, n)
        parts.append(dq[square])
        parts.append(dv[square] + np.diag(damping))
        dq, dv, dtau = pin.computeABADerivatives(model, data, pq, pv, pt)
        dq, dv, dtau = (x.reshape(n, n) for x in (dq, dv, dtau))
        parts.append(dq[square])
        parts.append(dv[square] - dtau[square] * damping)
        parts.append(dtau[square])

        md.qpos[dofs], md.qvel[dofs], md.qacc[dofs] = q, v, a
        mujoco.mj_inverse(mj, md)
        inverse = md.qfrc_inverse[dofs].copy()
        md.qfrc_applied[dofs] = tau
        mujoco.mj_forward(mj, md)
        for b in mjids:
            w, x, y, z = md.xquat[b]
            parts.append(np.concatenate([md.xpos[b], [x, y, z, w]]))
            mujoco.mj_jacBody(mj, md, jacp, jacr, b)
            parts.append(np.vstack([jacp, jacr])[:, dofs])
        parts.append(inverse)
        parts.append(md.qacc[dofs])
        mujoco.mj_fullM(mj, md, full)
        parts.append(full[mjsquare])
        np.concatenate([np.ravel(p) for p in parts]).tofile(out)
out.close()
json.dump({"pinocchio": pin.__version__, "mujoco": mujoco.__version__}, sys.stdout)
