// Draws charts as SVG: at build, and in the reader's browser for another selection.
// README.md says in which units. Texts are placed beside the drawing, so that they aren't stretched.
import { ticks } from 'd3-array';
import { periodNumber, periodStart } from './selection.js';
import { escapeHtml, formatNumber, formatShortDay, formatYear, toDate, weekdayOf } from './words.js';

const BAR_WIDTH = 0.8;
/** A chart of more days has no room to mark bank holidays. */
const MAX_DAYS_WITH_WEEKS = 400;
/** The share of the width that a label on the axis needs: on a phone, from 420 px and from 620 px on (site.css). */
const LABEL_SHARES = { narrow: 0.26, medium: 0.16, wide: 0.1 };

export const isWeekend = (row) => row.from === row.to && weekdayOf(row.from) > 4;
const isUnusual = ({ verdict }) => verdict === 'lower' || verdict === 'higher';
export const showsWeeks = (rows) => rows.length <= MAX_DAYS_WITH_WEEKS;

export const barClass = (row) => {
	if (isUnusual(row)) return 'unusual';
	return row.coverage === 'complete' && isWeekend(row) ? 'weekend' : row.coverage;
};

/** An axis of periods. `at` gives the place of a day's period, from 0, and `dayAt` the first day of a place. */
export const timeAxis = (period, from, to) => {
	const first = periodNumber(from, period);
	return {
		period,
		length: periodNumber(to, period) - first + 1,
		at: (day) => periodNumber(day, period) - first,
		dayAt: (place) => periodStart(first + place, period)
	};
};

const percent = (share) => `${Number((share * 100).toFixed(3))}%`;
const rounded = (value) => Number(value.toFixed(3));

// A label is at the first period that starts in a week, a month or a year.
const yearOf = (day) => toDate(day).getUTCFullYear();
const monthOf = (day) => yearOf(day) * 12 + toDate(day).getUTCMonth();
const weekOf = (day) => Math.floor((day + 3) / 7);
const every = (n, of) => (day, before) => of(day) !== of(before) && of(day) % n === 0;
const RULES = [
	() => true,
	...[1, 2].map((n) => every(n, weekOf)),
	...[1, 2, 3, 6].map((n) => every(n, monthOf)),
	...[1, 2, 5, 10, 50].map((n) => every(n, yearOf))
];

/** The labelled places of the axis: starts of weeks, months or years, as many as there is room for. */
export const labelledPlaces = (axis, share) => {
	const places = [...Array(axis.length).keys()];
	const hasRoom = (found) => found.every((place, i) => i === 0 || place - found[i - 1] >= share * axis.length);
	return RULES.map((rule) => places.filter((place) => rule(axis.dayAt(place), axis.dayAt(place - 1)))).find(hasRoom);
};

const timeLabels = (axis, width) => {
	let year;
	const labels = labelledPlaces(axis, LABEL_SHARES[width]).map((place) => {
		const day = axis.dayAt(place);
		const x = percent((place + 0.5) / axis.length);
		const below = formatYear(day) === year ? '' : `<tspan x="${x}" dy="16">${formatYear(day)}</tspan>`;
		year = formatYear(day);
		return `<line x1="${x}" x2="${x}" y1="100%" y2="100%" class="tick"/><text x="${x}" y="100%" dy="20">${formatShortDay(day)}${below}</text>`;
	});
	return `<g class="times ${width}">${labels.join('')}</g>`;
};

/** The top of the axis of numbers, just above the highest figure. */
const topOf = (highest) => rounded(highest * 1.04) || 1;

const numberLabels = (top) =>
	ticks(0, top, 4)
		.filter(Number.isInteger)
		.map((value) => {
			const y = percent(1 - value / top);
			return `<line x2="100%" y1="${y}" y2="${y}"/><text x="-8" y="${y}" dy="4">${formatNumber(value)}</text>`;
		})
		.join('');

/** A chart's frame around a drawing of `axis.length` by `top` units. */
const frame = ({ axis, top, label, drawn, signs = '' }) => {
	const room = 16 + 7.5 * formatNumber(ticks(0, top, 4).at(-1)).length;
	return (
		`<div class="plot" style="padding-left:${room}px"><svg class="chart" role="img" aria-label="${escapeHtml(label)}" width="100%" height="100%">` +
		`<g class="numbers">${numberLabels(top)}</g>` +
		`<svg class="drawn" viewBox="0 0 ${axis.length} ${top}" preserveAspectRatio="none" width="100%" height="100%">${drawn}</svg>` +
		`${Object.keys(LABEL_SHARES)
			.map((width) => timeLabels(axis, width))
			.join('')}<g class="signs">${signs}</g></svg></div>`
	);
};

const path = (name, parts) => (parts.length ? `<path class="${name}" d="${parts.join('')}"/>` : '');

const bars = (kind, rows, axis, top) => {
	const margin = (1 - BAR_WIDTH) / 2;
	const bar = (row) => `M${rounded(axis.at(row.from) + margin)} ${top}v-${row.logins}h${BAR_WIDTH}v${row.logins}z`;
	return path(`bar ${kind}`, rows.filter((row) => row.logins > 0 && barClass(row) === kind).map(bar));
};

/** A background behind periods, as high as the plot. */
const shades = (rows, axis, top) =>
	path(
		'shade',
		rows.map((row) => `M${axis.at(row.from)} 0h1V${top}h-1z`)
	);

/** A line through the middles of the periods, broken at missing rows and figures. A single point is a dot. */
const line = (name, rows, axis, top, key) => {
	const points = rows
		.filter((row) => typeof row[key] === 'number')
		.map((row) => ({ place: axis.at(row.from), y: rounded(top - row[key]) }));
	const parts = [];
	const dots = []; // a path of their own, because a dashed line could hide them
	points.forEach(({ place, y }, i) => {
		const before = points[i - 1];
		// To the next period the step is relative, because that is shorter.
		if (before?.place === place - 1) parts.push(`l1 ${rounded(y - before.y)}`);
		else if (points[i + 1]?.place === place + 1) parts.push(`M${place + 0.5} ${y}`);
		else dots.push(`M${place + 0.5} ${y}h0`);
	});
	return path(`line ${name}`, parts) + path(`line dot ${name}`, dots);
};

/** A sign above the plot, in the middle of a period. */
const sign = (name, glyph, place, axis, y = '0') => {
	const x = percent((place + 0.5) / axis.length);
	return `<text class="${name}" x="${x}" y="${y}" dy="-5">${glyph}</text>`;
};
const noteSigns = (notes, kind, glyph, axis) => {
	const places = new Set(notes.filter((note) => note.kind === kind).map((note) => axis.at(note.day)));
	return [...places].map((place) => sign(kind, glyph, place, axis)).join('');
};

/** Bars of logins with one line: the 28-day mean or the year before. `rows` and `notes` are between the axis's ends. */
export const drawBars = ({ rows, notes, axis, label, isCompared }) => {
	const weeks = axis.period === 'day' && showsWeeks(rows);
	const key = isCompared ? 'before' : 'mean28';
	const top = topOf(
		rows.flatMap((row) => [row.logins, row[key] ?? 0]).reduce((most, value) => Math.max(most, value), 0)
	);
	const kinds = ['complete', 'weekend', 'unusual', 'partial', 'before_collection'];
	const incomplete = rows.filter((row) => row.coverage !== 'complete');
	const drawn = [
		shades(incomplete, axis, top),
		...kinds.map((kind) => bars(kind, rows, axis, top)),
		...[`halo ${key}`, key].map((name) => line(name, rows, axis, top, key))
	].join('');
	const signs = [
		...rows
			.filter(isUnusual)
			.map((row) => sign('unusual', '◆', axis.at(row.from), axis, percent(1 - row.logins / top))),
		weeks ? noteSigns(notes, 'bank_holiday', '●', axis) : '',
		noteSigns(notes, 'annotation', '▼', axis)
	].join('');
	return frame({ axis, top, label, drawn, signs });
};

/** Lines of several figures. `figures` are [{key, style}], where the style is a class. */
export const drawLines = ({ rows, figures, axis, label }) => {
	const values = rows.flatMap((row) => figures.map(({ key }) => row[key] ?? 0));
	const top = topOf(values.reduce((most, value) => Math.max(most, value), 0));
	const drawn = figures.map(({ key, style }) => line(style, rows, axis, top, key)).join('');
	return frame({ axis, top, label, drawn });
};
