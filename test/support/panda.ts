/** A Panda-class arm for tests that need kinematics but no robot file: links of test/golden/models, tool as its site. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const PANDA7 = `${ROOT}test/golden/models/panda7.xml`;
export const panda7Xml = (): string => readFileSync(PANDA7, 'utf8');
export const HOME7 = [0, 0, 0, -1.57079, 0, 1.57079, -0.7853] as const;
export const JOINTS7 = ['joint1', 'joint2', 'joint3', 'joint4', 'joint5', 'joint6', 'joint7'] as const;
export const axes7 = JOINTS7.map((name) => ({ name, joints: [{ name, ratio: 1 }] }));
