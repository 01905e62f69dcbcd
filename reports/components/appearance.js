import { readable } from 'svelte/store';

// Where Evidence's page template looks for the reader's choice before anything is drawn.
const CHOICE = 'evidence-theme';

const show = (value) => (document.documentElement.dataset.theme = value);

/** 'light' or 'dark': what the page shows, and what its charts are drawn for. */
export const appearance = readable('light', (set) => {
	if (typeof document === 'undefined') return;
	const root = document.documentElement;
	const read = () => set(root.dataset.theme === 'dark' ? 'dark' : 'light');
	const observer = new MutationObserver(read);
	observer.observe(root, { attributeFilter: ['data-theme'] });
	const system = matchMedia('(prefers-color-scheme: dark)');
	const follow = () => localStorage.getItem(CHOICE) ?? show(system.matches ? 'dark' : 'light');
	system.addEventListener('change', follow);
	read();
	return () => {
		observer.disconnect();
		system.removeEventListener('change', follow);
	};
});

export const chooseAppearance = (value) => {
	localStorage.setItem(CHOICE, value);
	show(value);
};

export const showLightWhilePrinting = () => {
	const before = document.documentElement.dataset.theme;
	show('light');
	window.addEventListener('afterprint', () => show(before), { once: true });
};
