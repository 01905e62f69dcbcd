import { resolve } from 'node:path';
import adapter from './evidence/adapter.js';
import { evidenceComponents, isBuild } from './evidence/components.js';

// Each page would say that it was written by an account of Evidence's makers.
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
		// Else it would be the time, and no two builds the same.
		version: { name: 'ethelred' },
		alias: isBuild ? { '@evidence-dev/core-components': resolve('../../evidence/core-components.js') } : {}
	};
}

export default new Configuration();
