// Draws what a page would show of the rows on standard input, as JSON: {rows, period, notes, first, last}.
import { text } from 'node:stream/consumers';
import { drawLogins, selectRows } from '../../reports/components/logins.js';
import { readSelection } from '../../reports/components/selection.js';

const { rows, period, first, last, isCompared } = JSON.parse(await text(process.stdin));
const data = { notes: [], [`${period}s`]: rows };
console.log(drawLogins(selectRows(data, readSelection(`grain=${period}&range=all${isCompared ? '&compare=year' : ''}`), { first, last }), { name: 'A platform' }));
