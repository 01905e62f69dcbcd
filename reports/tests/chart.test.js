import assert from 'node:assert/strict';
import test from 'node:test';
import { drawLines, labelledPlaces, timeAxis } from '../components/chart.js';
import { drawCalendar } from '../components/calendar.js';
import { isoDay, toDay } from '../components/words.js';

const labels = (period, from, to, share) => {
	const axis = timeAxis(period, toDay(from), toDay(to));
	return labelledPlaces(axis, share).map((place) => isoDay(axis.dayAt(place)));
};

test('labels are the starts of weeks, months or years, as many as there is room for', () => {
	assert.deepEqual(labels('day', '2026-06-01', '2026-06-03', 0.2), ['2026-06-01', '2026-06-02', '2026-06-03']);
	assert.deepEqual(labels('day', '2026-06-02', '2026-06-30', 0.2), [
		'2026-06-08',
		'2026-06-15',
		'2026-06-22',
		'2026-06-29'
	]);
	assert.deepEqual(labels('day', '2025-12-15', '2026-12-14', 0.26), ['2026-01-01', '2026-07-01']);
	assert.deepEqual(labels('week', '2025-12-01', '2026-03-29', 0.2), [
		'2025-12-01',
		'2026-01-05',
		'2026-02-02',
		'2026-03-02'
	]);
	assert.deepEqual(labels('month', '2016-01-01', '2025-12-31', 0.26), ['2020-01-01', '2025-01-01']);
});

test('an axis has each day once when the clocks change, and each month in its place', () => {
	for (const [from, to] of [
		['2026-03-20', '2026-04-05'],
		['2026-10-20', '2026-11-05']
	])
		assert.equal(timeAxis('day', toDay(from), toDay(to)).length, 17);
	assert.equal(timeAxis('month', toDay('2025-11-01'), toDay('2026-02-28')).at(toDay('2026-01-15')), 2);
});

test('each day of a year lies within its calendar', () => {
	const first = toDay('2040-01-01');
	const values = Array(366).fill(1);
	const html = drawCalendar({
		first,
		values,
		levels: values.map(() => 0),
		legend: [{ style: 'l1', name: '' }],
		label: ''
	});
	const [, width] = /viewBox="0 0 (\d+)/.exec(html.split('class="calendar" role')[1]);
	const columns = [...html.matchAll(/M(\d+) \d/g)].map(([, column]) => Number(column));
	assert.equal(columns.length, 366 + 1);
	assert.ok(34 + (Math.max(...columns) + 0.85) * 13 <= Number(width));
});

test('lines that begin on different days are both drawn at the right height', () => {
	const [from, to] = [toDay('2026-06-01'), toDay('2026-06-02')];
	const figures = ['old', 'new'].map((key) => ({ key, style: key }));
	const rows = [
		{ from, old: 50 },
		{ from: to, old: 40, new: 100 }
	];
	const html = drawLines({ rows, figures, axis: timeAxis('day', from, to), label: '' });
	assert.match(html, /class="line old" d="M0.5 54l1 10"/);
	assert.match(html, /class="line dot new" d="M1.5 4h0"/);
});
