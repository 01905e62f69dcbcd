// Draws the logins of one platform per day, week or month: chart, legend, notes and table.
import { barClass, drawBars, showsWeeks, timeAxis } from './chart.js';
import { daysShown, writeSelection } from './selection.js';
import { drawTable } from './table.js';
import {
	FURTHER_COPY,
	KINDS_OF_DAY,
	VERDICTS,
	drawTerm,
	escapeHtml,
	formatChange,
	formatDay,
	formatDays,
	formatExpected,
	formatKind,
	formatLongDay,
	formatMean,
	formatMonth,
	formatNumber,
	lengthStyle,
	orDash,
	pluralise
} from './words.js';

export const formatPeriod = (row, period) => {
	if (period === 'month') return formatMonth(row.from);
	return period === 'week' ? formatDays(row.from, row.to) : formatLongDay(row.from);
};

/**
 * The rows of a platform's {days, weeks, months, notes} that a selection shows, and their axis. `first` and `last` are
 * the first and the last day of all platforms on the page, so that their charts have one axis. On the day `began`
 * collection began.
 */
export const selectRows = (data, selection, { first, last, began }) => {
	const { platform, period } = selection;
	const days = daysShown(selection, first, last, began);
	const rows = data[`${period}s`].filter((row) => row.to >= days.from && row.from <= days.to);
	const earlier = data[`${period}s`].filter((row) => row.to < days.from).slice(-rows.length);
	const notes = data.notes.filter(({ day }) => day >= days.from && day <= days.to);
	const isCompared = selection.isCompared && period !== 'day';
	return { platform, period, rows, earlier, notes, isCompared, axis: timeAxis(period, days.from, days.to) };
};

/** A note, with its days if it has several. */
const tellNote = ({ text, from, to }) => (from === to ? text : `${text} (${formatDays(from, to)})`);

/** The notes of a row as text. Weeks and months have no bank holidays. */
export const notesOf = (row, notes) => {
	const isDay = row.from === row.to;
	const own = notes.filter(
		(note) => note.day >= row.from && note.day <= row.to && (isDay || note.kind === 'annotation')
	);
	return [...new Set(own.map(tellNote)), ...(row.hasFurtherCopy ? [FURTHER_COPY] : [])].join('; ');
};

/** The lines of a row's tooltip. */
export const describeRow = (row, period, notes) =>
	[
		formatPeriod(row, period),
		pluralise(row.logins, 'login'),
		row.low !== null && `Expected: ${formatExpected(row.low, row.high)}`,
		row.mean7 !== null && `7-day mean: ${formatMean(row.mean7)}`,
		row.mean28 !== null && `28-day mean: ${formatMean(row.mean28)}`,
		typeof row.before === 'number' && `A year earlier: ${formatNumber(row.before)}`,
		row.coverage !== 'complete' && formatKind(row.coverage, period),
		VERDICTS[row.verdict],
		notesOf(row, notes)
	].filter(Boolean);

const totalOf = (rows) => rows.reduce((sum, row) => sum + row.logins, 0);

/** The card with the logins of the periods shown. */
export const drawShown = ({ period, rows, earlier }) => {
	const [name, total, before] = [pluralise(rows.length, period), totalOf(rows), totalOf(earlier)];
	const complete = rows.filter((row) => row.coverage === 'complete').length;
	const isWhole = earlier.length === rows.length && earlier.every((row) => row.coverage === 'complete');
	const change = isWhole && before ? `${formatChange(total / before - 1)} on the ${name} before` : '';
	const note = complete < rows.length ? `Only ${formatNumber(complete)} of ${name} complete: a lower limit` : change;
	return (
		`<dt>Logins in the ${name} shown</dt><dd><data value="${total}" style="${lengthStyle(total)}" data-testid="logins-shown">${formatNumber(total)}</data></dd>` +
		`<dd class="note">${note}</dd>`
	);
};

/** The logins and verdicts of a note's days, if all of them are shown. */
const tellDays = ({ from, to }, rows) => {
	const days = rows.filter((row) => row.from >= from && row.to <= to);
	if (days.length !== to - from + 1) return '';
	const [day] = days;
	const isOne = days.length === 1;
	const usual = isOne && day.low !== null ? `, usually ${formatExpected(day.low, day.high)}` : '';
	const words = days.map((row) => (row.coverage === 'complete' ? VERDICTS[row.verdict] : formatKind(row.coverage)));
	const logins = `${pluralise(totalOf(days), 'login')}${isOne ? '' : ` in ${days.length} days`}${usual}`;
	return [`: ${logins}`, ...new Set(words.filter(Boolean))].join('. ');
};

const legendOf = ({ rows, notes, period, isCompared }) => {
	const has = (name) => rows.some((row) => barClass(row) === name);
	const isDays = period === 'day';
	const entries = [
		...Object.keys(KINDS_OF_DAY).map((kind) => has(kind) && [`bar ${kind}`, formatKind(kind, period)]),
		has('weekend') && ['bar weekend', 'Weekend'],
		has('unusual') && ['bar unusual', 'Lower or higher than usual', '◆'],
		rows.some((row) => row.mean28 !== null) && ['line mean28', '28-day mean'],
		isCompared && rows.some((row) => typeof row.before === 'number') && ['line before', 'A year earlier'],
		notes.some((note) => note.kind === 'annotation') && ['sign annotation', 'Note', '▼'],
		isDays &&
			showsWeeks(rows) &&
			notes.some((note) => note.kind === 'bank_holiday') && ['sign bank_holiday', 'Bank holiday', '●']
	];
	return entries
		.filter(Boolean)
		.map(
			([style, name, glyph = '']) =>
				`<li>${drawTerm(style.split(' ')[1], `<span class="key ${style}" aria-hidden="true">${glyph}</span>${name}`)}</li>`
		)
		.join('');
};

const columnsOf = ({ period, notes }) => [
	{ name: { day: 'Day', week: 'Week', month: 'Month' }[period], text: (row) => formatPeriod(row, period) },
	{ name: 'Logins', isFigure: true, text: (row) => formatNumber(row.logins) },
	...(period === 'day'
		? [
				{ name: '7-day mean', isFigure: true, text: (row) => orDash(row.mean7, formatMean) },
				{ name: '28-day mean', isFigure: true, text: (row) => orDash(row.mean28, formatMean) },
				{ name: 'Expected', isFigure: true, text: (row) => formatExpected(row.low, row.high) }
			]
		: [
				{ name: 'A year earlier', isFigure: true, text: (row) => orDash(row.before, formatNumber) },
				{ name: 'Complete days', isFigure: true, text: (row) => formatNumber(row.complete) }
			]),
	{ name: 'Kind', text: (row) => formatKind(row.coverage, period) },
	{ name: 'Notes', style: () => 'note', text: (row) => notesOf(row, notes) }
];

/** The buttons that save a chart, and a link that always shows the same days. */
const drawTake = ({ platform, rows, period, isCompared }) => {
	const [from, to] = [rows[0].from, rows[rows.length - 1].to];
	const buttons = ['png', 'svg', 'csv'].map(
		(kind) => `<button type="button" data-save="${kind}">${kind.toUpperCase()}</button>`
	);
	return (
		`<p class="notes take needs-script flex flex-wrap gap-x-4 print:hidden">Download: ${buttons.join('')}` +
		`<a href="?${writeSelection({ platform, period, isCompared, range: '', from, to }).replaceAll('&', '&amp;')}">Link to these days</a></p>`
	);
};

/**
 * Chart and table of what `selectRows` has selected. Days before `since` have no 7-day means and expected ranges here.
 */
export const drawLogins = (selected, { name, since }, shown) => {
	const { rows, notes, period, axis, isCompared } = selected;
	if (!rows.length)
		return `<p class="empty" data-testid="no-days">There is no finished ${period} to show between these dates.</p>`;
	const last = rows[rows.length - 1];
	const range = formatDays(rows[0].from, last.to);
	const total = totalOf(rows);
	const busiest = rows.reduce((most, row) => (row.logins > most.logins ? row : most));
	const label =
		`Bar chart of logins to ${name} per ${period}, ${range}. ` +
		`The busiest was ${formatPeriod(busiest, period)} with ${pluralise(busiest.logins, 'login')}. ` +
		`The last was ${formatPeriod(last, period)} with ${pluralise(last.logins, 'login')}. ` +
		'The same figures are in the table below.';
	const hasHolidays = period === 'day' && showsWeeks(rows);
	const written = notes.filter((note) => hasHolidays || note.kind === 'annotation');
	// A note of several days is listed once.
	const told = new Map(written.map((note) => [`${note.from} ${note.text}`, note]));
	const list = [...told.values()]
		.map(
			(note) =>
				`<li class="${note.kind}"><b>${formatDays(note.from, note.to)}</b> ${escapeHtml(note.text)}${tellDays(note, rows)}</li>`
		)
		.join('');
	return (
		`<figure data-testid="chart"><figcaption><p class="range-shown text-[0.8125rem] font-semibold">Logins per ${period}, <span data-testid="range">${range}</span>: <span data-testid="total">${pluralise(total, 'login')}</span>, ${formatMean(total / rows.length)} a ${period}</p>` +
		`<ul class="legend">${legendOf(selected)}</ul></figcaption>${drawBars({ rows, notes, axis, label, isCompared })}` +
		`</figure>${drawTake(selected)}${list && `<ul class="notes">${list}</ul>`}` +
		drawTable({ rows, columns: columnsOf(selected), label: `Logins to ${name} per ${period}`, shown }) +
		(period === 'day' && rows[0].from < since
			? `<p class="notes">The page of ${escapeHtml(name)} has the 7-day means and expected ranges of days before ${formatDay(since)}.</p>`
			: '')
	);
};
