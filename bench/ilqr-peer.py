"""Crocoddyl on the problem of bench/ilqr-problem.ts: reads the setting as JSON, one line per question, and answers in lines.

{"op": "solve"} solves once from a rollout of constant torque and answers cost, iterations, status, seconds and the plan;
{"op": "parts", "repeats": n} times the passes by themselves. One thread throughout.
"""

import json
import sys
from time import perf_counter

import crocoddyl
import numpy as np
import pinocchio as pin

setting = json.loads(sys.stdin.readline())
model = pin.buildModelFromMJCF(setting["model"])
if hasattr(model, "damping"):
    model.damping[:] = 0
n = model.nv
# Pinocchio's own algorithms add the armature of the model; to give it to Crocoddyl too would count it twice.
state = crocoddyl.StateMultibody(model)
actuation = crocoddyl.ActuationModelFull(state)
x0 = np.concatenate([np.array(setting["start"]), np.zeros(n)])
frame = model.getFrameId(setting["frame"], pin.FrameType.BODY)
target = np.array(setting["target"])
rotation = pin.Quaternion(target[6], target[3], target[4], target[5]).toRotationMatrix()
weights = setting["weights"]


def action(final):
    costs = crocoddyl.CostModelSum(state)
    w = weights["finalPose"] if final else weights["pose"]
    position = crocoddyl.ResidualModelFrameTranslation(state, frame, target[:3].copy(), n)
    orientation = crocoddyl.ResidualModelFrameRotation(state, frame, rotation, n)
    costs.addCost("position", crocoddyl.CostModelResidual(state, position), w)
    costs.addCost("orientation", crocoddyl.CostModelResidual(state, orientation), w)
    # Posture and velocity are one residual, with their weights in its activation.
    q = 0.0 if final else weights["posture"]
    v = weights["finalVelocity"] if final else weights["velocity"]
    diagonal = crocoddyl.ActivationModelWeightedQuad(np.concatenate([q * np.ones(n), v * np.ones(n)]))
    costs.addCost("state", crocoddyl.CostModelResidual(state, diagonal, crocoddyl.ResidualModelState(state, x0, n)), 1.0)
    if not final:
        control = crocoddyl.ResidualModelControl(state, n)
        costs.addCost("control", crocoddyl.CostModelResidual(state, control), weights["control"])
    differential = crocoddyl.DifferentialActionModelFreeFwdDynamics(state, actuation, costs)
    # Its Euler step is semi-implicit: q + v dt + a dt², v + a dt.
    model = crocoddyl.IntegratedActionModelEuler(differential, 0.0 if final else setting["dt"])
    model.u_lb = -np.array(setting["torque"], dtype=float)
    model.u_ub = np.array(setting["torque"], dtype=float)
    return model


T = setting["horizon"]
# A model per stage, as ours: with one for all, its data would still be apart.
problem = crocoddyl.ShootingProblem(x0, [action(False)] * T, action(True))
problem.nthreads = 1
us0 = [np.array(setting["hold"])] * T
xs0 = list(problem.rollout(us0))


def fresh():
    solver = crocoddyl.SolverBoxFDDP(problem)
    solver.th_stop = setting["stop"]
    return solver


def say(answer):
    print(json.dumps(answer), flush=True)


say({"version": crocoddyl.__version__, "threads": problem.nthreads})
for line in sys.stdin:
    question = json.loads(line)
    if question["op"] == "solve":
        solver = fresh()
        start = perf_counter()
        done = solver.solve(xs0, us0, 500, True, setting["regularisation"])
        seconds = perf_counter() - start
        say(
            {
                "converged": bool(done),
                "iterations": int(solver.iter) + 1,
                "cost": float(solver.cost),
                "stop": float(solver.stop),
                "seconds": seconds,
                "us": np.array(solver.us).ravel().tolist(),
            }
        )
    elif question["op"] == "parts":
        solver = fresh()
        solver.solve(xs0, us0, 500, True, setting["regularisation"])
        times = {}
        repeats = question["repeats"]
        xs, us = solver.xs, solver.us

        def best(f):
            f()
            least = 1e9
            for _ in range(repeats):
                start = perf_counter()
                f()
                least = min(least, perf_counter() - start)
            return least

        times["calc"] = best(lambda: problem.calc(xs, us))
        times["calcDiff"] = best(lambda: problem.calcDiff(xs, us))
        times["backward"] = best(solver.backwardPass)
        say(times)
    else:
        break
