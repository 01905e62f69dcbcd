// From the rows of logins_timeseries to an ECharts configuration.
import { periodName } from './periods.js';
import { KINDS_OF_DAY, count, escaped, expected, mean, number, shortDay } from './words.js';

export const COLOURS = {
	light: {
		complete: '#3b62c4',
		weekend: '#a3b6e4',
		unusual: '#c2410c',
		partial: '#b7791f',
		before_collection: '#a3adc4',
		mean: '#12182b',
		meanOfWeek: '#007a5e',
		annotation: '#8a3ffc',
		band: '#4a5674',
		area: '#f4f5f9',
		muted: '#545d75',
		grid: '#e4e7ee',
		surface: '#ffffff'
	},
	dark: {
		complete: '#6f93f5',
		weekend: '#40568f',
		unusual: '#ff8a4c',
		partial: '#f0b04a',
		before_collection: '#677289',
		mean: '#f3f5fa',
		meanOfWeek: '#4fd1b5',
		annotation: '#c9a6ff',
		band: '#c3cde4',
		area: '#191e28',
		muted: '#a5afc2',
		grid: '#2a3140',
		surface: '#12151c'
	}
};

const DAY = 24 * 60 * 60 * 1000;
const time = (row) => row.day.getTime();

/** The expected range is worth drawing while its days can be told apart. */
export const hasBand = (rows) => rows.length <= 130 && rows.some((row) => row.expected_low !== null);

/** Of more days than these, weeks and bank holidays can't be told apart. */
export const isCrowded = (rows) => rows.length > 400;

/** A complete day outside its expected range. */
export const isUnusual = (row) =>
	row.coverage === 'complete' &&
	row.expected_low !== null &&
	(row.logins < row.expected_low || row.logins > row.expected_high);

const isWeekend = (row) => !row.ends_on && row.day.getUTCDay() % 6 === 0;

const bars = (rows, kind, colours) => ({
	type: 'bar',
	name: KINDS_OF_DAY[kind].name,
	barMaxWidth: 28,
	barMinWidth: 1,
	barCategoryGap: '18%',
	// A day is in one series only, so that the series stand in the same place. (Stacked, ECharts would put the nth bar of
	// one on the nth of another, as it does on an axis of time.)
	barGap: '-100%',
	itemStyle: {
		color: colours[kind],
		borderRadius: [2, 2, 0, 0],
		// A pattern as well as a colour, for readers who can't tell the colours apart.
		...(kind === 'partial' && {
			decal: { symbol: 'rect', rotation: Math.PI / 4, dashArrayX: [1, 0], dashArrayY: [2, 3], color: colours.surface }
		})
	},
	data: rows
		.filter((row) => row.coverage === kind)
		.map((row) => {
			const value = [time(row), row.logins];
			if (isUnusual(row)) return { value, itemStyle: { color: colours.unusual } };
			if (!isWeekend(row)) return value;
			return { value, itemStyle: kind === 'complete' ? { color: colours.weekend } : { opacity: 0.5 } };
		}),
	z: 3
});

const line = (rows, value, options) => ({
	type: 'line',
	symbol: 'none',
	connectNulls: false,
	data: rows.map((row) => [time(row), value(row)]),
	...options
});

/** A line that stays apart from bars and other lines: it lies on a wider one of the page's colour. */
const meanLine = (rows, key, name, colours, lineStyle) => {
	const value = (row) => row[key];
	return [
		line(rows, value, { z: 5, silent: true, lineStyle: { color: colours.surface, width: 5 } }),
		line(rows, value, { name, z: 5, lineStyle, itemStyle: { color: lineStyle.color } })
	];
};

/** What is expected, behind the bars: it shows above those that end within it. */
const band = (rows, colours) => {
	const invisible = { stack: 'expected', step: 'middle', silent: true, lineStyle: { opacity: 0 }, z: 2 };
	return [
		line(rows, (row) => row.expected_low, invisible),
		line(rows, (row) => (row.expected_high === null ? null : row.expected_high - row.expected_low), {
			...invisible,
			areaStyle: { color: colours.band, opacity: 0.22 }
		})
	];
};

/** Stretches of consecutive days of one kind, without the complete ones. */
const stretches = (rows, step) => {
	const found = [];
	for (const row of rows) {
		const [start, end] = [time(row) - step / 2, time(row) + step / 2];
		if (found.at(-1)?.coverage === row.coverage) found.at(-1).end = end;
		else found.push({ coverage: row.coverage, start, end });
	}
	return found.filter(({ coverage }) => coverage !== 'complete');
};

const shades = (rows, step, colours) => ({
	silent: true,
	itemStyle: { color: colours.area },
	label: { position: 'insideTopLeft', color: colours.muted, fontSize: 12, distance: 8 },
	data: stretches(rows, step).map(({ coverage, start, end }) => [
		{
			xAxis: start,
			name:
				coverage === 'before_collection' && rows.length > 4 && end - start > rows.length * step * 0.25
					? KINDS_OF_DAY[coverage].name
					: ''
		},
		{ xAxis: end }
	])
});

/** Round days for the labels of the axis: at most `most`, each the start of a week, month or year. */
const ticks = (first, last, most = 7) => {
	const weeks = (n) => (date) => Math.round(date / DAY - 4) % (7 * n) === 0; // 5 January 1970 was a Monday
	const months = (n) => (date) => date.getUTCDate() === 1 && date.getUTCMonth() % n === 0;
	const years = (n) => (date) => months(12)(date) && date.getUTCFullYear() % n === 0;
	const days = [];
	for (let at = Math.ceil(first / DAY) * DAY; at <= last; at += DAY) days.push(new Date(at));
	const rules = [
		() => true,
		weeks(1),
		weeks(2),
		months(1),
		months(2),
		months(3),
		months(6),
		years(1),
		years(2),
		years(5)
	];
	return rules.map((rule) => days.filter(rule)).find((found) => found.length <= most) ?? [];
};

/** '8 Sep', with the year below it where it is the first label of that year. */
const tickLabel = (at, all) => {
	const year = (date) => date.getUTCFullYear();
	const i = all.findIndex((other) => other.getTime() === at);
	if (i < 0) return '';
	const first = i === 0 || year(all[i - 1]) !== year(all[i]);
	return first ? `${shortDay(all[i])}\n${year(all[i])}` : shortDay(all[i]);
};

const tooltip = (rows, grain, notesOf) => {
	const byTime = new Map(rows.map((row) => [time(row), row]));
	return ([point]) => {
		const row = byTime.get(point.axisValue ?? point.value[0]);
		if (!row) return '';
		return [
			`<strong>${periodName(row, grain)}</strong>`,
			`<span style="font-size:1.15em">${count(row.logins, 'login')}</span>`,
			row.expected_low !== null && `Expected: ${expected(row)}`,
			row.rolling_mean_7d !== null && `7-day mean: ${mean(row.rolling_mean_7d)}`,
			row.rolling_mean_28d !== null && `28-day mean: ${mean(row.rolling_mean_28d)}`,
			row.coverage !== 'complete' && `<em>${KINDS_OF_DAY[row.coverage].name.replace('day', grain)}</em>`,
			escaped(notesOf(row))
		]
			.filter(Boolean)
			.join('<br>');
	};
};

/** A sign above the plot for a day, or for the week or month that has it. */
const signs = (rows, notes, kind, options) => {
	const over = (note) => rows.find((row) => note.day >= row.day && note.day <= (row.ends_on ?? row.day));
	const marked = new Set(
		notes
			.filter((note) => note.kind === kind)
			.map(over)
			.filter(Boolean)
	);
	return {
		type: 'scatter',
		silent: true,
		z: 6,
		yAxisIndex: 1,
		clip: false,
		symbolOffset: [0, -9],
		data: [...marked].map((row) => [time(row), 1]),
		...options(marked)
	};
};

/** What all charts have in common: the page's typeface, and a text for those who can't see them. */
const frame = (description) => ({
	useUTC: true,
	textStyle: { fontFamily: "'Inter Variable', system-ui, sans-serif" },
	aria: { enabled: true, label: { description } }
});

const tooltipOf = (colours, formatter) => ({
	trigger: 'axis',
	confine: true,
	backgroundColor: colours.surface,
	borderColor: colours.grid,
	textStyle: { color: colours.mean, fontSize: 13 },
	formatter
});

const timeAxis = (first, last, colours) => {
	const labelled = ticks(first, last);
	const customValues = labelled.map((date) => date.getTime());
	return {
		type: 'time',
		axisLine: { show: true, lineStyle: { color: colours.muted } },
		axisTick: { show: true, customValues, lineStyle: { color: colours.muted } },
		axisLabel: {
			customValues,
			color: colours.muted,
			lineHeight: 16,
			hideOverlap: true,
			formatter: (at) => tickLabel(at, labelled)
		},
		splitLine: { show: false }
	};
};

const countAxis = (colours) => ({
	type: 'value',
	min: 0,
	minInterval: 1,
	axisLabel: { color: colours.muted, formatter: number },
	splitLine: { lineStyle: { color: colours.grid } }
});

export const chartConfig = (rows, { grain, notes, notesOf, colours, description }) => {
	const step = { day: 1, week: 7, month: 30 }[grain] * DAY;
	const [first, last] = [time(rows[0]), time(rows.at(-1))];
	const highest = rows.reduce((most, row) => Math.max(most, row.logins, row.expected_high ?? 0), 10);
	return {
		...frame(description),
		grid: { left: 12 + 7 * number(highest * 1.3).length, right: 6, top: 22, bottom: 44 },
		tooltip: {
			...tooltipOf(colours, tooltip(rows, grain, notesOf)),
			axisPointer: { type: 'line', lineStyle: { color: colours.muted, type: 'dotted' } }
		},
		xAxis: { ...timeAxis(first, last, colours), min: first - step / 2, max: last + step / 2 },
		yAxis: [
			countAxis(colours),
			// Of the signs, which all lie at its end.
			{ type: 'value', min: 0, max: 1, show: false }
		],
		series: [
			{ ...bars(rows, 'complete', colours), markArea: shades(rows, step, colours) },
			bars(rows, 'partial', colours),
			bars(rows, 'before_collection', colours),
			...(hasBand(rows) ? band(rows, colours) : []),
			...meanLine(rows, 'rolling_mean_28d', '28-day mean', colours, { color: colours.mean, width: 2, type: [7, 4] }),
			...(isCrowded(rows)
				? []
				: meanLine(rows, 'rolling_mean_7d', '7-day mean', colours, { color: colours.meanOfWeek, width: 2.5 })),
			signs(rows, notes, 'annotation', (marked) => ({
				symbol: 'triangle',
				symbolRotate: 180,
				symbolSize: 9,
				itemStyle: { color: colours.annotation },
				markLine: {
					silent: true,
					symbol: 'none',
					label: { show: false },
					lineStyle: { color: colours.annotation, width: 1, type: 'dotted' },
					data: [...marked].map((row) => ({ xAxis: time(row) }))
				}
			})),
			...(grain === 'day' && !isCrowded(rows)
				? [
						signs(rows, notes, 'bank_holiday', () => ({
							symbol: 'circle',
							symbolSize: 5,
							itemStyle: { color: colours.muted }
						}))
					]
				: [])
		]
	};
};

/** Lines of several figures over time; a line is broken where nights are missing. */
export const linesConfig = (rows, { figures, colours, description }) => {
	const broken = (key) =>
		rows.flatMap((row, i) => {
			const point = [time(row), row[key]];
			return i + 1 < rows.length && time(rows[i + 1]) - time(row) > 1.5 * DAY
				? [point, [time(row) + DAY, null]]
				: [point];
		});
	return {
		...frame(description),
		grid: { left: 52, right: 12, top: 12, bottom: 44 },
		tooltip: tooltipOf(colours, (points) =>
			[`<strong>${periodName({ day: new Date(points[0].axisValue) }, 'day')}</strong>`]
				.concat(
					points
						.filter(({ value }) => value[1] !== null)
						.map(({ marker, seriesName, value }) => `${marker}${seriesName}: ${number(value[1])}`)
				)
				.join('<br>')
		),
		xAxis: timeAxis(time(rows[0]), time(rows.at(-1)), colours),
		yAxis: countAxis(colours),
		series: figures.map(({ key, name, colour }) => ({
			type: 'line',
			name,
			symbol: rows.length === 1 ? 'circle' : 'none',
			connectNulls: false,
			lineStyle: { color: colours[colour], width: 2 },
			itemStyle: { color: colours[colour] },
			data: broken(key)
		}))
	};
};
