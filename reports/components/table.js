// Draws tables of figures as HTML, at build and again for another selection.
import { escapeHtml } from './words.js';

/** The number of rows shown at first, which are the newest. */
export const ROWS_AT_ONCE = 100;

const className = (column, row) => {
	const names = [column.isFigure && 'figure', row && column.style?.(row)].filter(Boolean);
	return names.length ? ` class="${names.join(' ')}"` : '';
};
const cellOf = (row) => (column, i) => {
	const text = escapeHtml(column.text(row));
	const content = column.href ? `<a href="${column.href(row)}">${text}</a>` : text;
	return i ? `<td${className(column, row)}>${content}</td>` : `<th scope="row">${content}</th>`;
};

/**
 * A table with a line for each row. `columns` are [{name, text: row => text, isFigure, style: row => a class,
 * href: row => where a link leads}]. The first column names the row. `more` is HTML that follows the table.
 */
export const drawRows = ({ rows, columns, label, id = '', more = '' }) => {
	const heads = columns.map((column) => `<th scope="col"${className(column)}>${column.name}</th>`).join('');
	const lines = rows.map((row) => `<tr>${columns.map(cellOf(row)).join('')}</tr>`).join('');
	return (
		`<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}"><table class="plain"${id && ` data-testid="${id}"`}>` +
		`<thead><tr>${heads}</tr></thead><tbody>${lines}</tbody></table>${more}</div>`
	);
};

/** A table of rows in order of time, which is closed at first. */
export const drawTable = ({ rows, columns, label, summary = 'The figures as a table', shown = ROWS_AT_ONCE }) => {
	if (!rows.length) return '';
	const newest = rows.slice(-shown).reverse();
	const earlier = rows.length - newest.length;
	const more = earlier
		? `<button type="button" class="needs-script" data-more>Show ${earlier} earlier ones</button>`
		: '';
	return (
		`<details class="figures-table" data-testid="table"><summary>${summary}</summary>` +
		`${drawRows({ rows: newest, columns, label, more })}</details>`
	);
};
