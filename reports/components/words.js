// Writes figures and days as text. A day is the number of days since 1 January 1970. It has no time
// zone, so that every reader sees the same date.

export const MS_PER_DAY = 24 * 60 * 60 * 1000;

/** The number of a day, from a date (midnight UTC) or a text such as 2026-03-31. */
export const toDay = (value) => Math.floor(new Date(value).getTime() / MS_PER_DAY);
export const toDate = (day) => new Date(day * MS_PER_DAY);
export const isoDay = (day) => toDate(day).toISOString().slice(0, 10);
/** Monday is 0. (1 January 1970 was a Thursday.) */
export const weekdayOf = (day) => (((day + 3) % 7) + 7) % 7;

const dateFormat = (options) => {
	const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
	return (day) => format.format(toDate(day));
};
const numberFormat = (options) => {
	const format = new Intl.NumberFormat('en-GB', options);
	return (value) => format.format(value);
};

export const formatDay = dateFormat({ day: 'numeric', month: 'long', year: 'numeric' });
export const formatShortDay = dateFormat({ day: 'numeric', month: 'short' });
export const formatMonth = dateFormat({ month: 'long', year: 'numeric' });
export const formatShortMonth = dateFormat({ month: 'short' });
/** The name of a month of the year, from 1. */
export const formatMonthName = (month) => dateFormat({ month: 'long' })(toDay(Date.UTC(2000, month - 1)));
export const formatYear = dateFormat({ year: 'numeric' });
/** The time of day of a moment, in a time zone. */
export const formatTime = (moment, timeZone) =>
	new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(moment);
export const formatWeekday = dateFormat({ weekday: 'long' });
export const formatLongDay = (day) => `${formatWeekday(day)} ${formatDay(day)}`;
/** '1 October 2025 to 22 November 2026', or one day. */
export const formatDays = (first, last) =>
	first === last ? formatDay(first) : `${formatDay(first)} to ${formatDay(last)}`;

export const formatNumber = numberFormat({ maximumFractionDigits: 0 });
/** The style by which a long number gets smaller letters. */
export const lengthStyle = (number) => `--length: ${formatNumber(number).length}`;
export const formatMean = numberFormat({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percent = numberFormat({ style: 'percent', signDisplay: 'exceptZero' });
export const formatChange = (share) => percent(share).replace('-', '−');
export const pluralise = (n, one, many = `${one}s`) => `${formatNumber(n)} ${n === 1 ? one : many}`;
export const orDash = (value, format) => (value === null || value === undefined ? '–' : format(value));

export const formatExpected = (low, high) => (low === null ? '–' : `${formatNumber(low)} to ${formatNumber(high)}`);

export const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export const REASONS = {
	not_text: 'Not text',
	not_a_timestamp: 'Not a date with a time',
	before_2000: 'Before the year 2000',
	after_copy: 'Later than the copy itself'
};

export const VERDICTS = {
	usual: 'As usual',
	lower: 'Lower than usual',
	higher: 'Higher than usual',
	quiet_as_expected: 'Quiet, as expected',
	busy_as_expected: 'Busy, as expected',
	few_usual: 'No logins, but only few are usual',
	not_known: 'Too little to compare with'
};

/** Whether a platform's last finished day was as usual, in words. */
export const formatVerdict = (headline) =>
	headline.coverage_on_last_finished_day === 'partial' ? 'Partial day: not compared' : VERDICTS[headline.verdict];

export const KINDS_OF_DAY = {
	complete: 'Complete day',
	partial: 'Partial day',
	before_collection: 'Before collection began'
};
export const formatKind = (coverage, period = 'day') => KINDS_OF_DAY[coverage].replace('day', period);

/** Explanations of terms. */
const TERMS = {
	people: 'Each person is counted once, if their latest login is in these days. Deleted accounts are left out.',
	logins:
		'On one day this is very nearly the number of people. Over several days it is higher, because people log in again.',
	mean28: 'The mean of this day and the 27 days before it. Only complete days count.',
	usual:
		'On at least 99 of 100 ordinary days the number of logins is in this range. It is computed from the eight weeks before.',
	unusual: 'The logins are outside the expected range, which is computed from the eight weeks before.',
	partial:
		'A night’s copy is missing, or collection began on this day. People who logged in again before the next copy count only on the later day.',
	before_collection: 'People who logged in again before the first copy are missing from these days.',
	before:
		'The week or the month of a year before. For a week, that is 52 weeks earlier. It is shown only if all its days are complete.'
};
/** A term, written as `html`, that shows its explanation when it is clicked, tapped or opened by keyboard. */
export const drawTerm = (term, html) =>
	term in TERMS ? `<details class="term"><summary>${html}</summary><p>${TERMS[term]}</p></details>` : html;

export const formatZone = (zone) => (zone === 'Europe/London' ? 'UK time' : `the time zone ${zone}`);

export const FURTHER_COPY = 'Further copy, which shows logins that nightly copies miss';
