// How figures and days are written. A day arrives as midnight UTC and stays in UTC,
// so that a reader in another time zone sees the same day.

const format = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });

const dayFormat = format({ day: 'numeric', month: 'long', year: 'numeric' });
const monthFormat = format({ month: 'long', year: 'numeric' });
const weekdayFormat = format({ weekday: 'long' });
const shortDayFormat = format({ day: 'numeric', month: 'short' });
const numberFormat = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const meanFormat = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const changeFormat = new Intl.NumberFormat('en-GB', { style: 'percent', signDisplay: 'exceptZero' });

export const day = (value) => dayFormat.format(value);
export const weekday = (value) => weekdayFormat.format(value);
export const weekdayAndDay = (value) => `${weekdayFormat.format(value)} ${dayFormat.format(value)}`;
/** '1 October 2025 to 22 November 2026', or one day. */
export const days = (first, last) => (day(first) === day(last) ? day(first) : `${day(first)} to ${day(last)}`);
export const month = (value) => monthFormat.format(value);
export const shortDay = (value) => shortDayFormat.format(value);
export const number = (value) => numberFormat.format(value);
export const mean = (value) => meanFormat.format(value);
export const change = (value) => changeFormat.format(value).replace('-', '−');
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** The numbers of logins that are expected: whole ones, so that a day is outside exactly if its number is. */
export const expected = (row) => `${number(Math.ceil(row.expected_low))} to ${number(Math.floor(row.expected_high))}`;

export const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export const REASONS = {
	not_text: 'Not text',
	not_a_timestamp: 'Not a date with a time',
	before_2000: 'Before the year 2000',
	after_copy: 'Later than the copy itself'
};

const VERDICTS = {
	usual: 'As usual',
	lower: 'Lower than usual',
	higher: 'Higher than usual',
	not_known: 'Too early to say what is usual'
};

/** Whether a platform's last finished day was as usual, in words. */
export const verdict = (headline) =>
	headline.coverage_on_last_finished_day === 'partial' ? 'Partial day: not compared' : VERDICTS[headline.verdict];

export const KINDS_OF_DAY = {
	complete: {
		name: 'Complete day',
		meaning: 'Nightly copies cover the whole day: very nearly every person who logged in is counted.'
	},
	partial: {
		name: 'Partial day',
		meaning: 'A nightly copy is missing around this day, or collection began on it: some logins may be missing.'
	},
	before_collection: {
		name: 'Before collection began',
		meaning: 'Known only from people who had not logged in again by the first copy. Many more logged in.'
	}
};
