// Tables of figures, as HTML: drawn at build, and again for another selection.
import { escapeHtml } from './words.js';

/** As many rows as are shown at first; the newest come first. */
export const ROWS_AT_ONCE = 100;

/**
 * A table of rows in order of time, closed at first. `columns` are [{name, text: row => text, isFigure}], of which
 * the first names the row.
 */
export const drawTable = ({ rows, columns, label, summary = 'The figures as a table', shown = ROWS_AT_ONCE }) => {
	if (!rows.length) return '';
	const className = (column) => (column.isFigure ? ' class="figure"' : '');
	const heads = columns.map((column) => `<th scope="col"${className(column)}>${column.name}</th>`).join('');
	const cell = (row) => (column, i) => {
		const [tag, attributes] = i === 0 ? ['th', ' scope="row"'] : ['td', className(column)];
		return `<${tag}${attributes}>${escapeHtml(column.text(row))}</${tag}>`;
	};
	const lines = rows.slice(-shown).reverse();
	const more = rows.length - lines.length;
	return (
		`<details class="figures-table" data-testid="table"><summary>${summary}</summary>` +
		`<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}"><table class="plain">` +
		`<thead><tr>${heads}</tr></thead><tbody>${lines.map((row) => `<tr>${columns.map(cell(row)).join('')}</tr>`).join('')}</tbody></table>` +
		`${more > 0 ? `<button type="button" class="needs-script" data-more>Show ${more} earlier ones</button>` : ''}</div></details>`
	);
};
