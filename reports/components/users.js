// Draws the active and all users of one platform on each day with a copy: two charts and a table.
import { drawLines, timeAxis } from './chart.js';
import { drawTable } from './table.js';
import { formatDay, formatLongDay, formatNumber, toDay } from './words.js';

const ACTIVE = [
	{ key: 'active_90d', name: 'In 90 days', style: 'days90' },
	{ key: 'active_28d', name: 'In 28 days', style: 'days28' },
	{ key: 'active_7d', name: 'In 7 days', style: 'days7' },
	{ key: 'active_1d', name: 'In 1 day', style: 'days1' }
];
const REGISTERED = [
	{ key: 'users', name: 'Users', style: 'days28' },
	{ key: 'never_logged_in', name: 'Never logged in', style: 'days90' }
];
export const CHARTS = [
	{ title: 'Active users', figures: ACTIVE },
	{ title: 'Users', figures: REGISTERED }
];
const FIGURES = [...ACTIVE, ...REGISTERED];

export const asUsers = (rows) =>
	rows.map((row) => ({ from: toDay(row.day), ...Object.fromEntries(FIGURES.map(({ key }) => [key, row[key]])) }));

/** The lines of a row's tooltip. */
export const describeUsers = (row, { figures }) => [
	formatLongDay(row.from),
	...figures.map(({ key, name }) => `${name}: ${formatNumber(row[key])}`)
];

export const usersAxis = (rows) => timeAxis('day', rows[0].from, rows[rows.length - 1].from);

export const drawUsers = (rows, name, shown) => {
	if (!rows.length) return '<p class="empty">The charts appear after the first copy.</p>';
	const last = rows[rows.length - 1];
	const columns = [
		{ name: 'Day', text: (row) => formatLongDay(row.from) },
		...FIGURES.map((figure) => ({ name: figure.name, isFigure: true, text: (row) => formatNumber(row[figure.key]) }))
	];
	const charts = CHARTS.map(({ title, figures }) => {
		const legend = figures.map(
			({ key, name, style }) =>
				`<li><span class="key line ${style}"></span>${name}: <b>${formatNumber(last[key])}</b></li>`
		);
		const ends = figures.map((figure) => `${figure.name.toLowerCase()} ${formatNumber(last[figure.key])}`);
		const label =
			`Line chart of ${title.toLowerCase()} of ${name} from ${formatDay(rows[0].from)} to ${formatDay(last.from)}. ` +
			`At the end: ${ends.join(', ')}. The same figures are in the table below.`;
		return (
			`<figure><figcaption><h3>${title}</h3><ul class="legend">${legend.join('')}</ul></figcaption>` +
			`${drawLines({ rows, figures, axis: usersAxis(rows), label })}</figure>`
		);
	});
	const label = `Active users and all users of ${name}`;
	return `<div class="charts">${charts.join('')}</div>${drawTable({ rows, columns, label, shown })}`;
};
