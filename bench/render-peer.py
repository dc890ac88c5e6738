"""MuJoCo's own renderer behind a pipe: one JSON request per line, one JSON answer per line, pictures as raw bytes.

open  {model, cameras: [{name, frame, position, orientation xyzw, fovyDeg}], shadowSize, samples}
pose  {joints: {name: value}, bodies: {name: [p, q xyzw]}}
time  {camera, width, height, count}                -> {ms: [...]}
image {camera, width, height, kind}                 -> {bytes}, then rgb uint8, depth float32 or segmentation int32
"""

import json
import sys
import time

import mujoco
import numpy as np

# What sim/scene.ts lists and MuJoCo draws by default: geoms but of the collision group, then sites.
COLLISION_GROUP = 3
LAST_SEEN_SITE_GROUP = 2


def wxyz(q):
    return [q[3], q[0], q[1], q[2]]


class Peer:
    def __init__(self):
        self.renderers = {}

    def open(self, r):
        for renderer in self.renderers.values():
            renderer.close()
        self.renderers = {}
        spec = mujoco.MjSpec.from_file(r["model"])
        for c in r["cameras"]:
            spec.body(c["frame"]).add_camera(
                name="bench_" + c["name"], pos=c["position"], quat=wxyz(c["orientation"]), fovy=c["fovyDeg"]
            )
        spec.visual.global_.offwidth = 1024
        spec.visual.global_.offheight = 1024
        if r.get("shadowSize") is not None:
            spec.visual.quality.shadowsize = r["shadowSize"]
        if r.get("samples") is not None:
            spec.visual.quality.offsamples = r["samples"]
        self.shadows = r.get("shadowSize") != 0
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        m = self.model
        geoms = [g for g in range(m.ngeom) if m.geom_group[g] != COLLISION_GROUP]
        sites = [s for s in range(m.nsite) if m.site_group[s] <= LAST_SEEN_SITE_GROUP]
        self.geoms = np.full(m.ngeom, -1, np.int32)
        self.geoms[geoms] = np.arange(len(geoms))
        self.sites = np.full(m.nsite, -1, np.int32)
        self.sites[sites] = len(geoms) + np.arange(len(sites))
        self.renderer("bench_" + r["cameras"][0]["name"], 64, 64)
        from OpenGL import GL

        return {
            "renderer": GL.glGetString(GL.GL_RENDERER).decode(),
            "quality": [int(m.vis.quality.shadowsize), int(m.vis.quality.offsamples)],
            "geoms": len(geoms) + len(sites),
        }

    def pose(self, r):
        m, d = self.model, self.data
        for name, value in r["joints"].items():
            d.qpos[m.joint(name).qposadr[0]] = value
        for name, pose in r["bodies"].items():
            body = m.body(name)
            at = m.jnt_qposadr[body.jntadr[0]]
            d.qpos[at : at + 3] = pose[:3]
            d.qpos[at + 3 : at + 7] = wxyz(pose[3:])
        mujoco.mj_forward(m, d)
        return {}

    def renderer(self, camera, width, height):
        key = (width, height)
        if key not in self.renderers:
            self.renderers[key] = mujoco.Renderer(self.model, height, width)
        renderer = self.renderers[key]
        renderer.update_scene(self.data, camera)
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self.shadows
        return renderer

    def time(self, r):
        ms = []
        for _ in range(r["count"]):
            start = time.perf_counter()
            self.renderer("bench_" + r["camera"], r["width"], r["height"]).render()
            ms.append((time.perf_counter() - start) * 1e3)
        return {"ms": ms}

    def image(self, r):
        kind = r["kind"]
        renderer = self.renderer("bench_" + r["camera"], r["width"], r["height"])
        if kind == "depth":
            renderer.enable_depth_rendering()
        if kind == "segmentation":
            renderer.enable_segmentation_rendering()
        picture = renderer.render().copy()
        renderer.disable_depth_rendering()
        renderer.disable_segmentation_rendering()
        if kind == "segmentation":
            seen = np.full(picture.shape[:2], -1, np.int32)
            for kind, index in ((mujoco.mjtObj.mjOBJ_GEOM, self.geoms), (mujoco.mjtObj.mjOBJ_SITE, self.sites)):
                of = picture[..., 1] == kind
                seen[of] = index[picture[..., 0][of]]
            picture = seen
        elif kind == "depth":
            picture = picture.astype(np.float32)
        return picture.tobytes()


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request["op"])(request)
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        if isinstance(answer, bytes):
            sys.stdout.buffer.write(json.dumps({"bytes": len(answer)}).encode() + b"\n" + answer)
        else:
            sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


main()
