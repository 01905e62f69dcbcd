import assert from 'node:assert/strict';
import test from 'node:test';
import {
	daysShown,
	readSelection,
	unknownIn,
	withDays,
	withPeriod,
	withRange,
	writeSelection
} from '../components/selection.js';
import { pack, unpack, withData } from '../components/rows.js';
import { formatZone, isoDay, toDay } from '../components/words.js';

test('an invalid address gives the default selection', () => {
	for (const address of [
		'grain=hour&from=soon&range=<b>',
		'grain=toString&range=constructor',
		'from=2026-02-30',
		'from=2026-03-02&to=2026-03-01'
	])
		assert.deepEqual(readSelection(address), readSelection(''));
});

test('values that select nothing are named, and defaults are not', () => {
	assert.deepEqual(unknownIn('grain=hour&from=2026-02-30&range=<b>&platform=x'), ['hour', '<b>', '2026-02-30']);
	assert.deepEqual(unknownIn('grain=day&range=3m&utm_source=x'), []);
	assert.deepEqual(unknownIn('grain=month&range=4w&to=2026-03-01'), ['4w']);
});

test('days before collection are shown only if they are asked for', () => {
	const [first, began, last] = [1, 50, 100];
	const from = (address) => daysShown(readSelection(address), first, last, began).from;
	assert.deepEqual(['range=all', 'range=first', 'from=1970-01-11', '', 'range=4w'].map(from), [50, 1, 10, 50, 73]);
	assert.equal(daysShown(readSelection(''), first, 40, began).from, 1);
});

test('an address stays the same when it is read and written again', () => {
	for (const address of ['platform=x&grain=week&compare=year&range=all', 'from=2025-08-04&to=2025-10-14', ''])
		assert.equal(writeSelection(readSelection(address)), address);
});

test('a period has its own usual range, and keeps days that were chosen', () => {
	assert.equal(withPeriod(readSelection(''), 'month').range, 'all');
	const chosen = withDays(readSelection(''), 1, 2);
	assert.deepEqual(withPeriod(chosen, 'week'), { ...chosen, period: 'week' });
	assert.equal(withRange(chosen, '1y').from, null);
});

test('only days that exist are shown, and only finished weeks and months', () => {
	const [first, last] = [toDay('2026-03-01'), toDay('2026-03-31')];
	assert.deepEqual(daysShown(readSelection('range=1y'), first, last), { from: first, to: last });
	assert.equal(isoDay(daysShown(readSelection('range=4w'), first, last).from), '2026-03-04');
	assert.deepEqual(daysShown(readSelection('to=2026-03-10'), first, last), { from: first, to: toDay('2026-03-10') });
	const shown = (address) => Object.values(daysShown(readSelection(address), first, last - 1)).map(isoDay);
	assert.deepEqual(shown('grain=week&range=4w'), ['2026-03-02', '2026-03-29']);
	assert.deepEqual(shown('grain=month&from=2026-02-10'), ['2026-03-01', '2026-02-28']);
});

test('packed rows are unpacked unchanged, and none of their texts ends the script element', () => {
	const rows = Array.from({ length: 300 }, (_, i) => ({
		day: i < 100 ? i + 7 : i + 9,
		kind: i % 90 ? 'complete' : 'partial',
		mean: i < 200 ? null : i / 8,
		logins: (i * 7919) % 101,
		text: '</script><b>'
	}));
	const packed = JSON.parse(JSON.stringify(pack(rows)));
	assert.deepEqual(unpack(packed), rows);
	assert.deepEqual(packed.day, { steps: [7, 1, 1, 99, 3, 1, 1, 199] });
	assert.deepEqual(packed.text, { runs: ['</script><b>', 300] });
	assert.deepEqual(unpack(pack([])), []);
	assert.equal(withData('logins', pack(rows), '').match(/<\/script>/g).length, 1);
});

test('only the zone of London is the time of the UK', () => {
	assert.equal(formatZone('Europe/London'), 'UK time');
	assert.equal(formatZone('Pacific/Auckland'), 'the time zone Pacific/Auckland');
});
