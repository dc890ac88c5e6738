/** Address of the emulator's process. */
export const SCRIPT = new URL('./process.js', import.meta.url);
