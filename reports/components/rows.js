// Takes the rows of a page's queries from Evidence, and puts them into the page for its script.
import { toDay } from './words.js';

/**
 * The rows of a query as an array, of one platform if it is named. A failed query is an error of the page:
 * Evidence alone would show an empty section and call the build a success.
 */
export const rowsOf = (query, platform) => {
	if (query?.error) throw query.error;
	return [...(query ?? [])].filter((row) => platform === undefined || row.platform === platform);
};

// Three decimals distinguish any two means of 28 days, and round to the same one decimal as the mean.
const rounded = (mean) => (mean === null || mean === undefined ? null : Number(mean.toFixed(3)));

/** A verdict that is worth a word. */
const tellVerdict = ({ verdict }) => (/lower|higher|as_expected/.test(verdict) ? verdict : null);

/** The first and the last day that there is of platforms (platform_headlines), and on which collection began. */
export const endsOf = (platforms) => ({
	first: Math.min(...platforms.map((row) => toDay(row.first_login_on))),
	began: Math.min(...platforms.map((row) => toDay(row.first_copy_on))),
	last: Math.max(...platforms.map((row) => toDay(row.last_finished_day)))
});

/** Days (logins_timeseries) in the form that charts and tables are made from. */
export const asDays = (rows) =>
	rows.map((row) => ({
		from: toDay(row.day),
		to: toDay(row.day),
		logins: row.logins,
		coverage: row.coverage,
		mean7: rounded(row.rolling_mean_7d),
		mean28: rounded(row.rolling_mean_28d),
		low: row.expected_low,
		high: row.expected_high,
		verdict: tellVerdict(row),
		hasFurtherCopy: row.has_extra_copy
	}));

/** Weeks or months (logins_per_period) in the same form. */
export const asPeriods = (rows, period) =>
	rows
		.filter((row) => row.period_type === period)
		.map((row) => ({
			from: toDay(row.starts_on),
			to: toDay(row.ends_on),
			logins: row.logins,
			coverage: row.coverage,
			complete: row.complete_days,
			mean7: null,
			mean28: null,
			before: row.logins_year_before,
			low: row.expected_low,
			high: row.expected_high,
			verdict: tellVerdict(row)
		}));

export const asNotes = (rows) =>
	rows.map((row) => ({
		day: toDay(row.day),
		kind: row.kind,
		text: row.text,
		from: toDay(row.starts_on),
		to: toDay(row.ends_on)
	}));

// A column of one value, or of consecutive numbers, is packed as its first value and its length.
const packColumn = (values) => {
	const first = values[0];
	if (values.every((value) => value === first)) return { first, step: 0, count: values.length };
	if (values.every((value, i) => value === first + i)) return { first, step: 1, count: values.length };
	return values;
};
const unpackColumn = (column) => {
	if (Array.isArray(column)) return column;
	return Array.from({ length: column.count }, (_, i) => (column.step ? column.first + i : column.first));
};

/** Rows as one list for each column, which needs fewer bytes. */
export const pack = (rows) =>
	Object.fromEntries(Object.keys(rows[0] ?? {}).map((name) => [name, packColumn(rows.map((row) => row[name]))]));
export const unpack = (packed) => {
	const columns = Object.entries(packed).map(([name, column]) => [name, unpackColumn(column)]);
	const count = columns.length ? columns[0][1].length : 0;
	return Array.from({ length: count }, (_, i) =>
		Object.fromEntries(columns.map(([name, values]) => [name, values[i]]))
	);
};

/**
 * Something drawn from data, with the data beside it for the page's script (site.js), which draws it again with the
 * same function. No text in the data can end the element that holds them.
 */
export const withData = (kind, data, drawn) =>
	`<div data-block="${kind}"><div data-drawn>${drawn}</div>` +
	`<script type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script></div>`;
