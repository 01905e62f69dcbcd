import assert from 'node:assert/strict';
import test from 'node:test';
import { daysOf, readSelection, writeSelection } from '../components/periods.js';

const read = (address) => readSelection(new URLSearchParams(address));

test('an address that makes no sense shows the usual', () => {
	assert.deepEqual(read('grain=hour&from=soon&range=<b>'), read(''));
});

test('what is selected survives the address', () => {
	for (const address of ['platform=x&grain=week&range=all', 'from=2025-08-04&to=2025-10-14', ''])
		assert.equal(writeSelection(read(address)), address);
});

test('the days shown are never before the first', () => {
	assert.deepEqual(daysOf(read('range=1y'), '2026-03-01', '2026-03-31'), { from: '2026-03-01', to: '2026-03-31' });
});
