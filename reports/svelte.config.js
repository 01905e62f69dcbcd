import { resolve } from 'node:path';
import adapter from './evidence/adapter.js';
import { evidenceComponents, isBuild } from './evidence/components.js';

// Removes the author from each page, which is an account of Evidence's makers.
const CARD = /<meta name="twitter:(card|site)" content="[^"]*" \/>\n/g;
const withoutCard = { markup: ({ content }) => ({ code: content.replace(CARD, '') }) };

// Evidence merges this into its own configuration, with .evidence/template as working folder. It deletes `preprocess` once
// it has it, although it asks again for the bundle of the styles: what a class has can't be deleted from its object.
class Configuration {
	get preprocess() {
		return [withoutCard, evidenceComponents];
	}
	kit = {
		adapter,
		// Otherwise SvelteKit takes the time, so that no two builds are the same.
		version: { name: 'ethelred' },
		alias: isBuild ? { '@evidence-dev/core-components': resolve('../../evidence/core-components.js') } : {}
	};
}

export default new Configuration();
