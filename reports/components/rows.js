// Takes the rows of a page's queries from Evidence, and puts them into the page for its script.
import { toDay } from './words.js';

/**
 * The rows of a query as an array, of one platform if it is named. The error of a failed query is thrown, because
 * Evidence would show an empty section and call the build a success.
 */
export const rowsOf = (query, platform) => {
	if (query?.error) throw query.error;
	return [...(query ?? [])].filter((row) => platform === undefined || row.platform === platform);
};

// Three decimals distinguish any two means of 28 days, and round to the same one decimal as the mean.
const rounded = (mean) => (mean === null || mean === undefined ? null : Number(mean.toFixed(3)));

/** The verdict, or null if it needs no mention. */
const tellVerdict = ({ verdict }) => (/lower|higher|as_expected/.test(verdict) ? verdict : null);

/** The first and the last day of all platforms (platform_headlines), and the day on which collection began. */
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
			verdict: tellVerdict(row),
			hasFurtherCopy: row.has_extra_copy
		}));

export const asNotes = (rows) =>
	rows.map((row) => ({
		day: toDay(row.day),
		kind: row.kind,
		text: row.text,
		from: toDay(row.starts_on),
		to: toDay(row.ends_on)
	}));

// Equal values in a row are written once, with their number: [value, count, value, count…].
const runsOf = (values) => {
	const runs = [];
	for (const value of values) {
		if (runs.length && runs[runs.length - 2] === value) runs[runs.length - 1] += 1;
		else runs.push(value, 1);
	}
	return runs;
};
const valuesOf = (runs) => runs.flatMap((value, i) => (i % 2 ? [] : Array.from({ length: runs[i + 1] }, () => value)));

/** A column in its shortest form: its values, their runs, or the runs of the steps from one to the next (from 0 on). */
const packColumn = (values) => {
	const steps = values.map((value, i) => value - (i ? values[i - 1] : 0));
	const packed = [values, { runs: runsOf(values) }];
	if (values.every(Number.isInteger)) packed.push({ steps: runsOf(steps) });
	const [shortest] = packed.sort((one, other) => JSON.stringify(one).length - JSON.stringify(other).length);
	return shortest;
};
const unpackColumn = (column) => {
	if (Array.isArray(column)) return column;
	if (column.runs) return valuesOf(column.runs);
	let value = 0;
	return valuesOf(column.steps).map((step) => (value += step));
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
 * A drawing and its data, from which the page's script (site.js) draws it again with the same function. Escaping `<`
 * keeps a text in the data from ending the element.
 */
export const withData = (kind, data, drawn) =>
	`<div data-block="${kind}"><div data-drawn>${drawn}</div>` +
	`<script type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script></div>`;
