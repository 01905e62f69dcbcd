// Draws Evidence's own components at build, since a built page has none of Evidence's scripts. Each is imported from
// its own file, because their index puts 0.7 MB into each page. Where Evidence would draw in the reader's browser, some
// of its text is replaced here. If that text is missing, Evidence has changed, and the build fails.
import fs from 'node:fs';
import path from 'node:path';

export const isBuild = process.env.EVIDENCE_IS_BUILDING === 'true';
const DIST = '@evidence-dev/core-components/dist';
const root = path.resolve('../../node_modules', DIST);

/** The components that work in a page. README.md says what each can't do. */
export const DRAWN = [
	...['Area', 'AreaChart', 'Bar', 'BarChart', 'Line', 'LineChart', 'Scatter', 'ScatterPlot', 'Bubble', 'BubbleChart'],
	...['BoxPlot', 'CalendarHeatmap', 'Chart', 'FunnelChart', 'Heatmap', 'Hist', 'Histogram', 'SankeyDiagram'],
	...['ReferenceArea', 'ReferenceLine', 'ReferencePoint', 'BigValue', 'Column', 'DataTable', 'Delta', 'Value'],
	...['Alert', 'BigLink', 'CodeBlock', 'Details', 'Grid', 'LineBreak', 'Link', 'LinkButton', 'PageBreak']
];
/** The components that Evidence itself puts on a page. */
const ITS_OWN = ['QueryViewer'];

const files = fs
	.readdirSync(root, { recursive: true })
	.filter((file) => file.endsWith('.svelte'))
	.map((file) => [path.basename(file, '.svelte'), file]);
const fileOf = Object.fromEntries(files);
const OWN = {
	CodeBlock: 'CodeBlock.svelte',
	Details: 'Details.svelte'
};

const refuse = (page, name) => {
	throw new Error(
		`${page}: <${name}> needs Evidence's script, which a built page doesn't have (reports/README.md says what works)`
	);
};

const importOf = (name, as, page) => {
	if (!isBuild && DRAWN.includes(name)) return `import { ${name} as ${as} } from '@evidence-dev/core-components';`;
	if (ITS_OWN.includes(name)) return `import { ${name} } from '@evidence-dev/core-components';`;
	if (!DRAWN.includes(name)) return refuse(page, name);
	if (OWN[name]) return `import ${as} from '${path.resolve('../../evidence', OWN[name])}';`;
	return `import ${as} from '${path.join(root, fileOf[name])}';`;
};

const SEARCH = /<DataTable\b[^>]*\ssearch(?!=["'{]?false)/;
const IMPORTS = /import \{([^}]*)\} from ["']@evidence-dev\/core-components["'];?/g;

const importEach = (content, importOf) =>
	content.replace(IMPORTS, (_, names) =>
		names
			.split(',')
			.map((text) => text.trim().split(' as '))
			.filter(([name]) => name)
			.map(([name, as = name]) => importOf(name, as))
			.join('\n')
	);

const inPage = (content, filename) => {
	// Evidence turns both about.md and about/index.md into about/+page.md.
	const folder = filename.replace(/^.*\/src\/pages/, 'pages').replace('/+page.md', '');
	const page = fs.existsSync(`../../${folder}.md`) ? `${folder}.md` : `${folder}/index.md`;
	if (SEARCH.test(content)) refuse(page, 'DataTable search');
	return importEach(content, (name, as) => importOf(name, as, page));
};

// Drawing at build has no updates, so Evidence's step before each update runs once at the end.
const OVERRIDES = [
	['beforeUpdate(() => {', 'const applyOverrides = (() => {'],
	[/<\/script>(?![\s\S]*<\/script>)/, '\t$: applyOverrides();\n</script>']
];
export const REPLACED = {
	Area: OVERRIDES,
	Bar: OVERRIDES,
	Box: OVERRIDES,
	Bubble: OVERRIDES,
	Line: OVERRIDES,
	Scatter: OVERRIDES,
	// A new datastore has empty marts, which are no reason to have no site.
	EmptyChart: [["let emptySet = 'error'", "let emptySet = 'pass'"]],
	// Without columns, the count of rows keeps the query valid while the aggregate is added to it.
	Value: [['data.groupBy(undefined)', 'data.groupBy(undefined, true)']],
	// A list of errors has no message to print.
	_BigValue: [['throw errors;', 'throw errors[0];']],
	_DataTable: [
		// The columns are known only when the content has been drawn.
		[
			'\tlet index = 0;\n',
			'\tconst inOrder = ({ columns, priorityColumns }) => {\n\t\tconst order = getFinalColumnOrder(columns.map((d) => d.id), priorityColumns);\n\t\treturn [...columns].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));\n\t};\n\tlet index = 0;\n'
		],
		['\t{orderedColumns}\n', '\torderedColumns={inOrder($props)}\n'],
		// All rows are shown, without the parts that need a script (pages, download, search).
		['$: paginated = data.length > rows && !groupBy;', '$: paginated = false;'],
		[
			'class="scrollbox pretty-scrollbar"',
			'class="scrollbox pretty-scrollbar" tabindex="0" role="region" aria-label="Table"'
		],
		// Groups are open, because only a script could open them.
		['$: groupsOpen = toBoolean(groupsOpen);', '$: groupsOpen = true;'],
		['{#if downloadable}', '{#if false}'],
		['{#if !isFullPage}', '{#if false}']
	],
	// Only a script would follow a row's link. So the link, which Evidence hides, is laid over the whole row.
	TableRow: [
		['class:row-link={link && row[link]}', 'class:relative={link && row[link]}'],
		['class="sr-only">See more</a>', 'aria-label="See more" style="position: absolute; inset: 0"></a>'],
		['\t\toutline: none;\n', '']
	]
};

const replaceAll = (content, [from, to]) => {
	const isThere = from instanceof RegExp ? from.test(content) : content.includes(from);
	if (!isThere) throw new Error(`Evidence has changed: ${from} isn't in it. Mend evidence/components.js`);
	return from instanceof RegExp ? content.replace(from, () => to) : content.replaceAll(from, () => to);
};

const drawnAtBuild = (content, filename) => {
	const name = path.basename(filename, '.svelte');
	if (name === 'ECharts') return fs.readFileSync(path.resolve('../../evidence/ECharts.svelte'), 'utf8');
	const changed = (REPLACED[name] ?? []).reduce(replaceAll, content);
	return importEach(changed, (other, as) => `import ${as} from '${path.join(root, fileOf[other])}';`);
};

export const evidenceComponents = {
	markup: ({ content, filename }) => {
		if (filename.endsWith('.md')) return { code: inPage(content, filename) };
		if (isBuild && filename.includes(DIST)) return { code: drawnAtBuild(content, filename) };
		return undefined;
	}
};
