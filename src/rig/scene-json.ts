/** A scene as JSON: typed arrays become plain ones, values are rounded to what a drawing needs. */
import type { SceneDescription } from '../robot/scene.ts';
import type { JsonScene } from '../server/protocol.ts';

export function jsonScene(scene: SceneDescription | null): JsonScene | null {
  if (scene === null) return null;
  return {
    ...scene,
    meshes: scene.meshes.map(({ vertices, triangles }) => ({
      vertices: Array.from(vertices, (v) => Math.round(v * 1e5) / 1e5),
      triangles: Array.from(triangles),
    })),
  };
}
