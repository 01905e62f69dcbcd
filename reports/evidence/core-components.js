// Stands in for @evidence-dev/core-components (see svelte.config.js). Its index pulls every component and
// 3,200 brand icons into each page: 0.7 MB to download. To use one of its components on a page, export it
// here from its own file: export { default as BigValue } from
// '../node_modules/@evidence-dev/core-components/dist/unsorted/viz/core/BigValue.svelte'.
import Nothing from './Nothing.svelte';

export {
	// Evidence puts it on each page; the site never shows its queries.
	Nothing as QueryViewer,
	// For Evidence's pages for developers, which are not part of the site.
	Nothing as DeploySettingsPanel,
	Nothing as FormattingSettingsPanel,
	Nothing as SchemaExplorer,
	Nothing as SourceConfig,
	Nothing as SqlConsole,
	Nothing as TelemetrySettingsPanel
};
