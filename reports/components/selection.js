// The reader's selection, which is in the address: a platform, a period (day, week or month) and a range of days.
import { isoDay, toDate, toDay } from './words.js';

export const PERIODS = { day: 'Days', week: 'Weeks', month: 'Months' };
export const RANGES = {
	'4w': { name: '4 weeks', days: 28 },
	'3m': { name: '3 months', days: 91 },
	'1y': { name: '1 year', days: 365 },
	all: { name: 'All collected', days: Infinity },
	first: { name: 'Since the first login', days: Infinity, hasEarlier: true }
};
const USUAL_RANGES = { day: '3m', week: '1y', month: 'all' };

const known = (name, names) => (Object.hasOwn(names, name) ? name : undefined);
const readDay = (text) => {
	const day = /^\d{4}-\d\d-\d\d$/.test(text ?? '') ? toDay(text) : NaN;
	return isNaN(day) || isoDay(day) !== text ? null : day;
};

/** The selection in the parameters of an address. They may have any values. */
export const readSelection = (address) => {
	const parameters = new URLSearchParams(address);
	const platform = parameters.get('platform') ?? '';
	const period = known(parameters.get('grain'), PERIODS) ?? 'day';
	const from = readDay(parameters.get('from'));
	const to = readDay(parameters.get('to'));
	const isCompared = parameters.get('compare') === 'year';
	const isDays = (from !== null || to !== null) && (from ?? -Infinity) <= (to ?? Infinity);
	if (isDays) return { platform, period, isCompared, range: '', from, to };
	return {
		platform,
		period,
		isCompared,
		range: known(parameters.get('range'), RANGES) ?? USUAL_RANGES[period],
		from: null,
		to: null
	};
};

/** The values in an address that select nothing, for a message. */
export const unknownIn = (address) => {
	const written = new URLSearchParams(address);
	const read = new URLSearchParams(writeSelection(readSelection(address)));
	const isUsual = { grain: (value) => value === 'day', range: (value) => Object.values(USUAL_RANGES).includes(value) };
	return ['grain', 'range', 'from', 'to']
		.filter((name) => written.has(name) && !read.has(name) && !isUsual[name]?.(written.get(name)))
		.map((name) => written.get(name));
};

/** The parameters of the address for a selection. Defaults are left out. */
export const writeSelection = ({ platform, period, isCompared, range, from, to }) => {
	const parameters = new URLSearchParams();
	if (platform) parameters.set('platform', platform);
	if (period !== 'day') parameters.set('grain', period);
	if (isCompared) parameters.set('compare', 'year');
	if (range && range !== USUAL_RANGES[period]) parameters.set('range', range);
	if (from !== null) parameters.set('from', isoDay(from));
	if (to !== null) parameters.set('to', isoDay(to));
	return parameters.toString();
};

export const withPeriod = (selection, period) => ({
	...selection,
	period,
	range: selection.range && USUAL_RANGES[period]
});
/** Switch the line of the year before. Days have none, so weeks are shown instead. */
export const withYearBefore = (selection) => ({
	...(selection.period === 'day' ? withPeriod(selection, 'week') : selection),
	isCompared: selection.period === 'day' || !selection.isCompared
});
export const withRange = (selection, range) => ({ ...selection, range, from: null, to: null });
export const withDays = (selection, from, to) => ({ ...selection, range: '', from, to });

/** The number of a day's period. Periods are numbered consecutively. */
export const periodNumber = (day, period) => {
	if (period === 'day') return day;
	if (period === 'week') return Math.floor((day + 3) / 7);
	return toDate(day).getUTCFullYear() * 12 + toDate(day).getUTCMonth();
};

/** The first day of a period by its number. */
export const periodStart = (number, period) => {
	if (period === 'day') return number;
	if (period === 'week') return number * 7 - 3;
	return toDay(Date.UTC(Math.floor(number / 12), number % 12));
};

/**
 * The days that a selection shows of those from `first` to `last`. Weeks and months are whole and finished. Days before
 * collection `began` are shown only if the selection asks for them.
 */
export const daysShown = ({ period, range, from, to }, first, last, began = first) => {
	const isEarly = !range || RANGES[range].hasEarlier || began > last;
	const start = Math.max(isEarly ? first : began, range ? last - RANGES[range].days + 1 : (from ?? first));
	const end = Math.min(last, range ? last : (to ?? last));
	const finished = periodNumber(last + 1, period) - 1;
	const begun = periodNumber(start, period);
	return {
		from: periodStart(range ? Math.min(begun, finished) : begun, period),
		to: periodStart(Math.min(periodNumber(end, period), finished) + 1, period) - 1
	};
};
