/** Dark or light: follows the system until the person chooses. public/theme.js sets it before the first paint. */

class Theme {
  dark = $state(document.documentElement.dataset['theme'] === 'dark');

  start(): void {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
      if (!chosen()) this.#set(event.matches);
    });
  }

  toggle(): void {
    this.#set(!this.dark);
    try {
      localStorage.setItem('armloop.theme', this.dark ? 'dark' : 'light');
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  }

  #set(dark: boolean): void {
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
    this.dark = dark;
  }
}

function chosen(): boolean {
  try {
    return localStorage.getItem('armloop.theme') !== null;
  } catch {
    return false;
  }
}

export const theme = new Theme();

/** Colours of the 3D view in the current theme. */
export function sceneColors(): { background: string; grid: string; plan: string; push: string } {
  const [background, grid, plan, push] = ['--scene', '--scene-grid', '--plan', '--push'].map(cssColor);
  return { background: background!, grid: grid!, plan: plan!, push: push! };
}

/** Value of a custom property of the current theme. */
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
