// Draws calendars as SVG. A day is a square, and all squares that look alike are one path.
import { escapeHtml, formatLongDay, formatShortMonth, pluralise, toDate, toDay, weekdayOf } from './words.js';

const YEARS_OPEN = 2;
const CELL = 13;
const [LEFT, ABOVE] = [34, 16];

const yearOf = (day) => toDate(day).getUTCFullYear();
const monthStart = (year, month) => toDay(Date.UTC(year, month));
/** The column of a day in a calendar that begins with the week of `start`. */
const columnOf = (day, start) => (day - weekdayOf(day) - (start - weekdayOf(start))) / 7;

const squares = (data, year, start) => {
	const paths = new Map();
	data.values.forEach((_, i) => {
		const day = data.first + i;
		const { style } = data.legend[data.levels[i]];
		if (yearOf(day) !== year) return;
		paths.set(style, `${paths.get(style) ?? ''}M${columnOf(day, start)} ${weekdayOf(day)}h.85v.85h-.85z`);
	});
	return [...paths].map(([style, d]) => `<path class="${style}" d="${d}"/>`).join('');
};

const drawYear = (data, year) => {
	const last = data.first + data.values.length - 1;
	const firstMonth = yearOf(data.first) === year ? toDate(data.first).getUTCMonth() : 0;
	const start = monthStart(year, firstMonth);
	const columns = columnOf(monthStart(year + 1, 0) - 1, start) + 1;
	const months = [...Array(12 - firstMonth).keys()].map((i) => {
		const day = monthStart(year, firstMonth + i);
		return `<text x="${LEFT + columnOf(day + 6, start) * CELL}" y="9">${formatShortMonth(day)}</text>`;
	});
	const weekdays = ['Mon', 'Wed', 'Fri', 'Sun'].map((name, i) => `<text x="0" y="${26 + i * 2 * CELL}">${name}</text>`);
	const label = escapeHtml(`${data.label}, ${year}`);
	return (
		`<div class="across" tabindex="0" role="region" aria-label="${label}">` +
		`<svg class="calendar" role="img" aria-label="${label}" viewBox="0 0 ${LEFT + columns * CELL} 108" style="--columns:${columns}" data-start="${start}" data-end="${Math.min(last, monthStart(year + 1, 0) - 1)}">` +
		`<text x="0" y="9" class="year">${year}</text>${months.join('')}${weekdays.join('')}` +
		`<g transform="translate(${LEFT} ${ABOVE}) scale(${CELL})">${squares(data, year, start)}</g></svg></div>`
	);
};

/** The day at a point of a year's calendar, given as shares of its size, or undefined outside the squares. */
export const dayAt = (svg, x, y) => {
	const { width, height } = svg.viewBox.baseVal;
	const [start, end] = [Number(svg.dataset.start), Number(svg.dataset.end)];
	const column = Math.floor((x * width - LEFT) / CELL);
	const row = Math.floor((y * height - ABOVE) / CELL);
	const day = start - weekdayOf(start) + column * 7 + row;
	return column >= 0 && row >= 0 && row < 7 && day >= start && day <= end ? day : undefined;
};

/** The lines of a day's tooltip. */
export const describeDay = (data, day) => {
	const i = day - data.first;
	if (!(i in data.values)) return [];
	const { name, isKind } = data.legend[data.levels[i]];
	return [formatLongDay(day), pluralise(data.values[i], ...data.unit), isKind && name, data.notes[day]].filter(Boolean);
};

/**
 * A calendar for each year, the newest first, of {first, values, levels, legend, unit, label, notes}. For each day from
 * `first` on, `values` has its number and `levels` the index of its entry in `legend`, a list of {style, name, isKind}.
 */
export const drawCalendar = (data) => {
	const years = [...new Set(data.values.map((_, i) => yearOf(data.first + i)))].reverse();
	const shown = data.legend.filter((_, i) => data.levels.includes(i));
	const legend = shown.map(
		({ style, name }) =>
			`<li><svg class="calendar" viewBox="0 0 1 1" width="11" height="11" aria-hidden="true"><path class="${style}" d="M0 0h1v1h-1z"/></svg>${name}</li>`
	);
	const draw = (year) => drawYear(data, year);
	const earlier = years.slice(YEARS_OPEN);
	const folded = earlier.length
		? `<details><summary>Earlier: ${earlier[earlier.length - 1]} to ${earlier[0]}</summary>${earlier.map(draw).join('')}</details>`
		: '';
	return `<ul class="legend">${legend.join('')}</ul>${years.slice(0, YEARS_OPEN).map(draw).join('')}${folded}`;
};
