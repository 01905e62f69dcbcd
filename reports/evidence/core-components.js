// Replaces the index of @evidence-dev/core-components (see svelte.config.js), which pulls every component and 3,200
// brand icons into each page. Evidence puts QueryViewer on each page, and the others on its pages for developers.
import Nothing from './Nothing.svelte';

export {
	Nothing as QueryViewer,
	Nothing as DeploySettingsPanel,
	Nothing as FormattingSettingsPanel,
	Nothing as SchemaExplorer,
	Nothing as SourceConfig,
	Nothing as SqlConsole,
	Nothing as TelemetrySettingsPanel
};
