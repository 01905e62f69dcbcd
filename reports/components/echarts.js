// A Svelte action that draws an ECharts configuration, with only the parts of ECharts in use:
// the whole library is more than twice the size.
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import {
	AriaComponent,
	GridComponent,
	MarkAreaComponent,
	MarkLineComponent,
	TooltipComponent
} from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([
	BarChart,
	LineChart,
	ScatterChart,
	AriaComponent,
	GridComponent,
	MarkAreaComponent,
	MarkLineComponent,
	TooltipComponent,
	CanvasRenderer
]);

export const echarts = (node, config) => {
	const chart = init(node);
	const draw = (next) => {
		config = next;
		if (!chart.isDisposed()) chart.setOption({ animation: false, ...config }, { notMerge: true });
	};
	const observer = new ResizeObserver(() => chart.resize());
	draw(config);
	// A drawing doesn't change by itself when the typeface arrives.
	document.fonts.load("12px 'Inter Variable'").then(() => draw(config));
	observer.observe(node);
	return {
		update: draw,
		destroy() {
			observer.disconnect();
			chart.dispose();
		}
	};
};
