/** Ids in addresses. They have the strict pattern of episode ids: no id is ever a path. */
import Type from 'typebox';
import { EPISODE_ID } from '../record/episode-id.ts';

/** Parameters of a route with `:id`. */
export const idParams = (description: string) =>
  Type.Object({ id: Type.String({ pattern: EPISODE_ID.source, description }) });
