import { resolve } from 'node:path';
import adapter from './evidence/adapter.js';
import { evidenceComponents, isBuild } from './evidence/components.js';

// Evidence names its makers' account as the author of each page. This removes it.
const CARD = /<meta name="twitter:(card|site)" content="[^"]*" \/>\n/g;
const withoutCard = { markup: ({ content }) => ({ code: content.replace(CARD, '') }) };

// Evidence merges this into its own configuration, in the working folder .evidence/template. It deletes `preprocess`
// after reading it, and reads it again to bundle the styles. A getter of a class can't be deleted from an object of it.
class Configuration {
	get preprocess() {
		return [withoutCard, evidenceComponents];
	}
	kit = {
		adapter,
		// SvelteKit's default is the time, which would make each build different.
		version: { name: 'ethelred' },
		alias: isBuild ? { '@evidence-dev/core-components': resolve('../../evidence/core-components.js') } : {}
	};
}

export default new Configuration();
