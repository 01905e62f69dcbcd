// Reads a chart's rows from standard input, lays the chart out without a browser, and writes where
// its bars stand. The places are read back through the axes, so that they are days and logins.
import { text } from 'node:stream/consumers';
import { init } from '../../reports/node_modules/echarts/index.js';
import { COLOURS, chartConfig } from '../../reports/components/chart.js';

const { grain, rows } = JSON.parse(await text(process.stdin));
const asDate = (value) => value && new Date(value);
const dated = rows.map((row) => ({ ...row, day: asDate(row.day), ends_on: asDate(row.ends_on) }));
const chart = init(null, null, { renderer: 'svg', ssr: true, width: 1000, height: 300 });
const options = { grain, notes: [], notesOf: () => '', colours: COLOURS.light, description: '' };
chart.setOption({ animation: false, ...chartConfig(dated, options) });

const onAxis = (axisIndex) => (pixel) => chart.convertFromPixel({ [axisIndex]: 0 }, pixel);
const [x, y] = ['xAxisIndex', 'yAxisIndex'].map(onAxis);
const drawn = chart.getModel().getSeriesByType('bar').flatMap((series) => {
	const bars = [];
	series.getData().eachItemGraphicEl(({ shape }) => {
		const ends = [shape.y, shape.y + shape.height].map(y);
		const sides = [shape.x, shape.x + shape.width].map(x);
		bars.push({
			coverage: series.name,
			left: Math.min(...sides),
			right: Math.max(...sides),
			bottom: Math.min(...ends),
			top: Math.max(...ends)
		});
	});
	return bars;
});
const [, end] = chart.getModel().getComponent('yAxis', 0).axis.scale.getExtent();
console.log(JSON.stringify({ drawn, end }));
chart.dispose();
