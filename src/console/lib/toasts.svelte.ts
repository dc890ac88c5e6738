/** Short messages at the edge of the page; errors stay until they are closed. */
import { ApiError } from './api.ts';

export interface Toast {
  readonly id: number;
  readonly level: 'info' | 'error';
  readonly text: string;
  /** What to do, or null. */
  readonly todo: string | null;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

const SHOWN_MS = 8000;

class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 1;

  info(text: string, action: Toast['action'] = null): void {
    const id = this.#add({ level: 'info', text, todo: null, action });
    setTimeout(() => this.close(id), SHOWN_MS);
  }

  /** Shows what went wrong. `doing` is the attempt in words: "Arming failed". */
  error(doing: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const todo = error instanceof ApiError ? error.todo : null;
    // The same trouble again replaces the older message instead of piling up.
    this.list = this.list.filter((t) => t.text !== `${doing}: ${text}`);
    this.#add({ level: 'error', text: `${doing}: ${text}`, todo, action: null });
  }

  close(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }

  #add(toast: Omit<Toast, 'id'>): number {
    const id = this.#next++;
    this.list = [...this.list.slice(-4), { id, ...toast }];
    return id;
  }
}

export const toasts = new Toasts();
