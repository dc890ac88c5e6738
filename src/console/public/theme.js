// Runs before the first paint, so that the page never flashes in the other theme.
let theme = null;
try {
  theme = localStorage.getItem('armloop.theme');
} catch {
  // No storage: follow the system.
}
if (theme !== 'dark' && theme !== 'light') {
  theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
document.documentElement.dataset.theme = theme;
