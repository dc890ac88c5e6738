/** Why a demonstration failed: the usual causes; free text may follow or replace them. */
export const causes: readonly string[] = [
  'missed the grasp',
  'dropped the object',
  'wrong place',
  'collision',
  'out of reach',
  'took too long',
  'operator error',
];
