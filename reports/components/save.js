// Saves a chart as a picture on white, with title and legend, or its figures as a CSV file.
import { formatDay, isoDay } from './words.js';

const NS = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [1200, 540];
const SHARPNESS = 2; // pixels of a PNG for each unit
const FONT = 'Inter, system-ui, sans-serif';
const PLOT = { x: 80, y: 130, width: 1080, height: 310 };
const STYLES = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'font-size'];

const make = (name, attributes, text = '') => {
	const element = document.createElementNS(NS, name);
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
	element.textContent = text;
	return element;
};
const write = (x, y, text, more = {}) => make('text', { x, y, fill: '#12182b', ...more }, text);

/** A copy of a chart with its styles inside, because a saved file lacks the page's styles. */
const copyChart = (chart) => {
	const copy = chart.cloneNode(true);
	const copies = [...copy.querySelectorAll('*')];
	[...chart.querySelectorAll('*')].forEach((element, i) => {
		const style = getComputedStyle(element);
		for (const name of STYLES) copies[i].style[name] = style[name];
		copies[i].style.textAnchor = style.textAnchor;
		copies[i].style.vectorEffect = 'non-scaling-stroke';
	});
	copy.querySelectorAll('.narrow, .medium').forEach((labels) => labels.remove());
	for (const [key, value] of Object.entries(PLOT)) copy.setAttribute(key, value);
	copy.setAttribute('overflow', 'visible');
	return copy;
};

/** The entries of a legend in a line, each with its key. */
const copyLegend = (legend) => {
	let x = 40;
	const pen = document.createElement('canvas').getContext('2d');
	pen.font = `14px ${FONT}`;
	return [...legend.querySelectorAll('li')].flatMap((entry) => {
		const key = entry.querySelector('.key');
		const style = getComputedStyle(key);
		const text = (entry.querySelector('summary') ?? entry).textContent.replace(key.textContent, '');
		const stroke = key.matches('.line, .partial') ? style.borderTopColor : 'none';
		const dashes = style.borderTopStyle === 'dashed' ? '4 2' : 'none';
		const drawing = key.matches('.line')
			? make('path', { d: `M${x} 97h16`, stroke, 'stroke-width': 2.5, 'stroke-dasharray': dashes })
			: make('rect', { x, y: 90, width: 14, height: 12, fill: style.backgroundColor, stroke });
		const sign = key.textContent ? [write(x + 1, 101, key.textContent, { 'font-size': 12, fill: style.color })] : [];
		const start = x + 20;
		x = start + 24 + pen.measureText(text).width;
		return [drawing, ...sign, write(start, 101, text, { 'font-size': 14 })];
	});
};

/** The picture of a figure of the page, as the text of an SVG file. */
const asSvg = (figure, { name, last }) => {
	const picture = make('svg', { xmlns: NS, width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
	picture.setAttribute('font-family', FONT);
	const source = `Source: Ethelred, days to ${formatDay(last)}. Logins seen in nightly copies of the platform’s database.`;
	picture.append(
		make('rect', { width: WIDTH, height: HEIGHT, fill: '#ffffff' }),
		write(40, 42, name, { 'font-size': 24, 'font-weight': 700 }),
		write(40, 70, figure.querySelector('.range-shown').textContent, { 'font-size': 16 }),
		...copyLegend(figure.querySelector('.legend')),
		copyChart(figure.querySelector('svg.chart')),
		write(40, 515, source, { 'font-size': 13 })
	);
	return new XMLSerializer().serializeToString(picture);
};

const asPng = async (svg) => {
	// Strokes don't grow with the picture (non-scaling-stroke), so their widths are multiplied.
	const enlarge = (_, name, widths) => name + widths.replace(/[\d.]+/g, (width) => SHARPNESS * width);
	const image = new Image();
	image.src = `data:image/svg+xml,${encodeURIComponent(svg.replace(/(stroke-(?:width|dasharray):)([^;"]*)/g, enlarge))}`;
	await image.decode();
	const canvas = Object.assign(document.createElement('canvas'), {
		width: SHARPNESS * WIDTH,
		height: SHARPNESS * HEIGHT
	});
	canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
	return new Promise((done) => canvas.toBlob(done, 'image/png'));
};

const COLUMNS = ['logins', 'coverage', 'mean7', 'mean28', 'before', 'low', 'high'];
const asCsv = (rows) =>
	[
		'from,to,logins,coverage,rolling_mean_7d,rolling_mean_28d,logins_year_before,expected_low,expected_high',
		...rows.map((row) => [isoDay(row.from), isoDay(row.to), ...COLUMNS.map((key) => row[key] ?? '')].join())
	].join('\r\n');

/** Save a block as `png`, `svg` or `csv`. The page must have its light colours. */
export const save = async (kind, { element, data, selected }) => {
	const text = kind === 'csv' ? asCsv(selected.rows) : asSvg(element.querySelector('figure'), data);
	const content = kind === 'png' ? await asPng(text) : text;
	const { rows } = selected;
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([content]));
	link.download = `logins ${data.name} ${isoDay(rows[0].from)} to ${isoDay(rows[rows.length - 1].to)}.${kind}`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};
