// What a chart or a table shows: days, weeks or months, and which of them.
import { day, month, weekdayAndDay } from './words.js';

export const DAY = 24 * 60 * 60 * 1000;
export const GRAINS = { day: 'Days', week: 'Weeks', month: 'Months' };
export const RANGES = {
	'4w': { name: '4 weeks', days: 28 },
	'3m': { name: '3 months', days: 91 },
	'1y': { name: '1 year', days: 365 },
	all: { name: 'All', days: Infinity }
};
const USUAL_RANGE = { day: '3m', week: '1y', month: 'all' };

export const iso = (value) => value.toISOString().slice(0, 10);
const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? '') && !isNaN(Date.parse(text));

/** What the reader has selected, from the address: nothing in it is taken for granted. */
export const readSelection = (parameters) => {
	const grain = parameters.get('grain') in GRAINS ? parameters.get('grain') : 'day';
	const [from, to] = [parameters.get('from'), parameters.get('to')].map((text) => (isDay(text) ? text : ''));
	const range = parameters.get('range') in RANGES ? parameters.get('range') : USUAL_RANGE[grain];
	return { platform: parameters.get('platform') ?? '', grain, range: from || to ? '' : range, from, to };
};

/** The address's parameters for a selection; what is usual is left out. */
export const writeSelection = ({ platform, grain, range, from, to }) => {
	const parts = {
		platform,
		grain: grain === 'day' ? '' : grain,
		range: range === USUAL_RANGE[grain] ? '' : range,
		from,
		to
	};
	return new URLSearchParams(Object.entries(parts).filter(([, value]) => value)).toString();
};

export const withGrain = (selection, grain) => ({
	...selection,
	grain,
	range: selection.from || selection.to ? '' : USUAL_RANGE[grain]
});

/** The first and the last moment that are shown, where the newest day is `last`. */
export const bounds = ({ range, from, to }, last) => ({
	from: from ? Date.parse(from) : range ? last.getTime() - (RANGES[range].days - 1) * DAY : -Infinity,
	to: to ? Date.parse(to) : Infinity
});

/** The same as text, within the days that there are: what the fields for dates show. */
export const daysOf = (selection, first, last) => {
	const { from, to } = bounds(selection, new Date(last));
	return {
		from: from > Date.parse(first) ? iso(new Date(from)) : first,
		to: to < Date.parse(last) ? iso(new Date(to)) : last
	};
};

/** Weeks and months in the form of days: they begin on a day and end on another. */
export const asRows = (periods, grain) =>
	periods
		.filter((period) => period.grain === grain)
		.map((period) => ({
			...period,
			day: period.starts_on,
			expected_low: null,
			expected_high: null,
			rolling_mean_7d: null,
			rolling_mean_28d: null
		}));

/** The rows that lie, with some day of theirs, within the bounds. */
export const within = (rows, { from, to }) =>
	rows.filter((row) => (row.ends_on ?? row.day).getTime() >= from && row.day.getTime() <= to);

export const periodName = (row, grain) => {
	if (grain === 'month') return month(row.day);
	return grain === 'week' ? `${day(row.day)} to ${day(row.ends_on)}` : weekdayAndDay(row.day);
};

const NUMBERS = ['logins', 'rolling_mean_7d', 'rolling_mean_28d', 'expected_low', 'expected_high'];

/** All days of all platforms, from the file that the site offers for download. */
export const fetchDays = async (address) => {
	const answer = await fetch(address);
	if (!answer.ok) throw new Error(`${address} could not be loaded`);
	const [header, ...lines] = (await answer.text())
		.trim()
		.split('\n')
		.map((line) => line.split(','));
	return lines.map((values) => {
		const row = Object.fromEntries(header.map((name, i) => [name, values[i]]));
		for (const name of NUMBERS) row[name] = row[name] === '' ? null : Number(row[name]);
		return { ...row, day: new Date(`${row.day}T00:00:00Z`) };
	});
};
