// The one script of the built site: README.md says what it does. It is loaded in the head, so that the page appears in
// the right colours at once.
import { dayAt, describeDay, drawCalendar } from './calendar.js';
import { describeRow, drawLogins, drawShown, selectRows } from './logins.js';
import { unpack } from './rows.js';
import {
	PERIODS,
	RANGES,
	daysShown,
	readSelection,
	unknownIn,
	withDays,
	withPeriod,
	withRange,
	withYearBefore,
	writeSelection
} from './selection.js';
import { save } from './save.js';
import { ROWS_AT_ONCE } from './table.js';
import { CHARTS, describeUsers, drawUsers, usersAxis } from './users.js';
import { isoDay } from './words.js';

const CHOICE = 'evidence-theme'; // Evidence's own name
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// --- appearance -------------------------------------------------------------------------------------------------

/** If cookies are blocked, the choice holds for this page only. */
const remembered = () => {
	try {
		return localStorage.getItem(CHOICE);
	} catch {
		return null;
	}
};
const remember = (choice) => {
	try {
		localStorage.setItem(CHOICE, choice);
	} catch {
		// The appearance changes without being stored.
	}
};
const dark = matchMedia('(prefers-color-scheme: dark)');
let chosen = remembered();

const showAppearance = () => {
	const isDark = ['light', 'dark'].includes(chosen) ? chosen === 'dark' : dark.matches;
	root.dataset.theme = isDark ? 'dark' : 'light';
	for (const label of all('[data-appearance] span')) label.textContent = `Use ${isDark ? 'light' : 'dark'} colours`;
};
const changeAppearance = () => {
	chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
	remember(chosen);
	showAppearance();
};

/** Pages are printed in light colours. */
const printLight = () => {
	root.dataset.theme = 'light';
	addEventListener('afterprint', showAppearance, { once: true });
};

// --- blocks: drawings from figures in the page ----------------------------------------------------------------

/** How each kind of block is drawn for a selection: its HTML, and the tooltip for a place in each drawing. */
const KINDS = {
	logins: (data, { selection, shown }) => {
		const selected = selectRows(data, selection, data);
		const { axis, rows, notes, period } = selected;
		const byPlace = new Map(rows.map((row) => [axis.at(row.from), row]));
		const describe = (place) => byPlace.has(place) && describeRow(byPlace.get(place), period, notes);
		return {
			html: () => drawLogins(selected, data, shown),
			charts: [{ length: axis?.length, describe }],
			selected
		};
	},
	users: (data, { shown }) => {
		const axis = data.rows.length && usersAxis(data.rows);
		const byPlace = new Map(data.rows.map((row) => [axis.at(row.from), row]));
		const charts = CHARTS.map((chart) => ({
			length: axis.length,
			describe: (place) => byPlace.has(place) && describeUsers(byPlace.get(place), chart)
		}));
		return { html: () => drawUsers(data.rows, data.name, shown), charts };
	},
	calendar: (data) => ({ html: () => drawCalendar(data), charts: [], calendar: data })
};

/** The names of the packed rows in the data of each kind. */
const PACKED = { logins: ['days', 'weeks', 'months', 'notes'], users: ['rows'], calendar: [] };

const readBlock = (element) => {
	const data = JSON.parse(element.querySelector('script').textContent);
	const kind = element.dataset.block;
	for (const name of PACKED[kind]) data[name] = unpack(data[name]);
	return { element, data, draw: KINDS[kind], shown: ROWS_AT_ONCE };
};

/** The keyboard reaches charts, because the arrow keys work in them. */
const allowKeys = (within) => all('[data-block] svg.chart', within).forEach((svg) => (svg.tabIndex = 0));

/** Draw a block again. The new one replaces the old one when it is complete. */
const redraw = (block) => {
	const made = block.draw(block.data, { selection, shown: block.shown });
	const html = made.html();
	const drawn = block.element.querySelector('[data-drawn]');
	const isOpen = drawn.querySelector('details.figures-table')?.open;
	drawn.innerHTML = html;
	const table = drawn.querySelector('details.figures-table');
	if (table) table.open = isOpen;
	const card = made.selected && block.element.closest('section').querySelector('[data-shown]');
	if (card) card.innerHTML = drawShown(made.selected);
	Object.assign(block, made);
	allowKeys(drawn);
};

// --- selection --------------------------------------------------------------------------------------------------

let selection;
let blocks = [];

const showSelection = () => {
	const platforms = all('section[data-testid=platform]').map((section) => section.dataset.platform);
	const isKnown = platforms.includes(selection.platform);
	for (const section of all('section[data-platform]'))
		section.hidden = isKnown && selection.platform !== '' && section.dataset.platform !== selection.platform;
	for (const name of ['period', 'range'])
		for (const button of all(`[data-control=${name}] button`))
			button.setAttribute('aria-pressed', button.value === selection[name]);
	for (const select of all('[data-control=platform]')) select.value = isKnown ? selection.platform : '';
	for (const button of all('[data-control=compare]')) button.setAttribute('aria-pressed', selection.isCompared);
	const unknown = selection.platform && platforms.length && !isKnown;
	const nothing = unknownIn(location.search).map((value) => `“${value}” selects nothing, and is ignored.`);
	say(
		[unknown && `There is no platform “${selection.platform}”. All are shown.`, ...nothing].filter(Boolean).join(' ')
	);
	showDates();
	keepInLinks();
};

/** Links to other pages with figures keep the selected days. A link within the page stays as it is. */
const keepInLinks = () => {
	const parameters = writeSelection({ ...selection, platform: '' });
	for (const link of all('a[href]:not([href^="?"], [href^="#"])'))
		if (link.origin === location.origin && /(^|\/)(platforms\/[^/]+\/)?$/.test(link.pathname)) link.search = parameters;
};

/** The days in the charts, which are the same for all charts of a page. */
const shownDays = () => {
	const figures = blocks.find((block) => block.data.first !== undefined && block.selected)?.data;
	return figures && daysShown(selection, figures.first, figures.last, figures.began);
};
const showDates = () => {
	const days = shownDays();
	// If no day is shown, the fields keep the dates of the address.
	const told = days && days.from > days.to ? selection : days;
	for (const name of ['from', 'to'])
		if (told && told[name] !== null)
			for (const input of all(`[data-control=${name}]`)) input.value = isoDay(told[name]);
};

const say = (text) => {
	for (const line of all('[data-controls-status]')) line.textContent = text;
};

const show = (next) => {
	selection = next;
	blocks.filter((block) => block.element.dataset.block === 'logins').forEach(redraw);
	showSelection();
};
/** The browser's Back undoes a selection. */
const select = (next) => {
	const parameters = writeSelection(next);
	history.pushState(null, '', `${location.pathname}${parameters && '?'}${parameters}${location.hash}`);
	show(next);
};

/** A typed date selects days only when it is complete and within the days that exist. */
const selectDates = (input, isLeft) => {
	const days = shownDays();
	const day = Math.floor(input.valueAsNumber / 86_400_000);
	const isWhole = input.value !== '' && input.value >= input.min && input.value <= input.max;
	if (!isWhole) return isLeft ? showDates() : undefined;
	const chosenDays = { ...days, [input.dataset.control]: day };
	if (isoDay(days[input.dataset.control]) === input.value) return undefined;
	if (chosenDays.from > chosenDays.to) return say('The first day is after the last one.');
	return select(withDays(selection, chosenDays.from, chosenDays.to));
};

// --- what is under the pointer ------------------------------------------------------------------------------------

let tip;
let place; // in the chart that has the keyboard's focus

const hideTip = () => {
	if (tip) tip.hidden = true;
};
const showTip = (lines, x, y) => {
	if (!lines || !lines.length) return hideTip();
	if (!tip) {
		tip = document.createElement('div');
		tip.className = 'tip';
		tip.setAttribute('role', 'status');
		document.body.append(tip);
	}
	const rows = lines.map((text) => Object.assign(document.createElement('div'), { textContent: text }));
	tip.replaceChildren(...rows);
	tip.hidden = false;
	const { width, height } = tip.getBoundingClientRect();
	tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
	tip.style.top = `${y - height - 14 > 4 ? y - height - 14 : y + 18}px`;
	return undefined;
};

const findBlock = (element) => blocks.find((block) => block.element.contains(element));
const findChart = (svg) => {
	const block = findBlock(svg);
	return block?.charts[all('svg.chart', block.element).indexOf(svg)];
};
const pointAt = (event) => {
	const svg = event.target.closest?.('svg.chart, svg.calendar[data-start]');
	if (!svg) return hideTip();
	const box = svg.getBoundingClientRect();
	const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
	if (svg.matches('.calendar')) {
		const day = dayAt(svg, x, y);
		return showTip(day === undefined ? [] : describeDay(findBlock(svg).calendar, day), event.clientX, event.clientY);
	}
	const chart = findChart(svg);
	const isInside = x >= 0 && x < 1 && y >= 0 && y <= 1;
	return showTip(chart && isInside ? chart.describe(Math.floor(x * chart.length)) : [], event.clientX, event.clientY);
};

/** The arrow keys go from figure to figure of the chart that has the focus. */
const moveBy = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity };
const pressKey = (event) => {
	if (event.key === 'Escape') return hideTip();
	const svg = event.target.closest?.('svg.chart');
	const chart = svg && event.key in moveBy && findChart(svg);
	if (!chart) return undefined;
	event.preventDefault();
	place = Math.max(0, Math.min(chart.length - 1, (place ?? chart.length) + moveBy[event.key]));
	const box = svg.getBoundingClientRect();
	return showTip(chart.describe(place), box.left + ((place + 0.5) / chart.length) * box.width, box.top + 40);
};

// --- age of the copies: by the reader's own clock, however long the page stays open ---------------------------------------

const showAges = () => {
	for (const element of all('[data-stale-at]'))
		element.toggleAttribute('data-is-stale', Date.now() >= Date.parse(element.dataset.staleAt));
};

// --- start ------------------------------------------------------------------------------------------------------

const start = () => {
	selection = readSelection(location.search);
	const usual = JSON.stringify(readSelection(''));
	blocks = all('[data-block]').map(readBlock);
	for (const block of blocks) {
		if (block.element.dataset.block === 'logins' && JSON.stringify(selection) !== usual) redraw(block);
		else Object.assign(block, block.draw(block.data, { selection, shown: block.shown }));
	}
	allowKeys(document);
	showSelection();
	showAges();
	showAppearance();
	root.dataset.ready = '';
};

const buttons = {
	'[data-appearance]': changeAppearance,
	'[data-control=period] button': (button) => button.value in PERIODS && select(withPeriod(selection, button.value)),
	'[data-control=range] button': (button) => button.value in RANGES && select(withRange(selection, button.value)),
	'[data-control=compare]': () => select(withYearBefore(selection)),
	'[data-save]': (button) => {
		root.dataset.theme = 'light'; // saved pictures are on white, and have no forced colours
		root.dataset.saving = '';
		save(button.dataset.save, findBlock(button));
		delete root.dataset.saving;
		showAppearance();
	},
	'[data-more]': (button) => {
		const block = findBlock(button);
		block.shown += ROWS_AT_ONCE * 4;
		redraw(block);
	}
};
const click = (event) => {
	for (const [selector, act] of Object.entries(buttons)) {
		const button = event.target.closest?.(selector);
		if (button) act(button);
	}
};
const isDate = (element) => element.matches?.('[data-control=from], [data-control=to]');

/** While a date is typed, each key makes another valid date. So a typed date counts when its field is left. */
let isTyped = false;
const leaveDate = (input) => {
	isTyped = false;
	selectDates(input, true);
};

const listen = () => {
	document.addEventListener('click', click);
	addEventListener('popstate', () => show(readSelection(location.search)));
	document.addEventListener('submit', (event) => event.preventDefault());
	document.addEventListener('change', ({ target }) => {
		if (isDate(target) && !isTyped) selectDates(target, false);
		if (target.matches('[data-control=platform]')) select({ ...selection, platform: target.value });
	});
	document.addEventListener('focusout', ({ target }) => {
		if (isDate(target)) leaveDate(target);
		if (target.matches?.('svg.chart')) hideTip();
	});
	document.addEventListener('focusin', () => (place = undefined));
	document.addEventListener('keydown', ({ target, key }) => {
		if (isDate(target) && key === 'Enter') leaveDate(target);
		else if (isDate(target)) isTyped ||= /^(\d|Arrow|Backspace|Delete)/.test(key);
	});
	document.addEventListener('keydown', pressKey);
	for (const name of ['pointermove', 'pointerdown']) document.addEventListener(name, pointAt);
	document.addEventListener('scroll', hideTip, { passive: true });
	dark.addEventListener('change', showAppearance);
	addEventListener('beforeprint', printLight);
	document.addEventListener('visibilitychange', showAges);
	setInterval(showAges, 60_000);
};

/** In `ethelred dev` Evidence draws and changes the page, so read it again after each change. */
export const follow = () => {
	if ('followed' in root.dataset) return location.reload(); // somebody has edited this script
	root.dataset.followed = '';
	const observer = new MutationObserver(() => {
		observer.disconnect();
		start();
		observer.observe(document.body, { childList: true, subtree: true });
	});
	start();
	observer.observe(document.body, { childList: true, subtree: true });
	return undefined;
};

showAppearance();
listen();
document.addEventListener('DOMContentLoaded', start);
