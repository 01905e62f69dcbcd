import { resolve } from 'node:path';

// Each page would say that it was written by an account of Evidence's makers.
const CARD = /<meta name="twitter:(card|site)" content="[^"]*" \/>\n/g;

// Evidence merges this into its own configuration, with .evidence/template as working folder.
export default {
	preprocess: [{ markup: ({ content }) => ({ code: content.replace(CARD, '') }) }],
	kit: {
		// Else it would be the time, and no two builds the same.
		version: { name: 'ethelred' },
		alias: {
			'@evidence-dev/core-components': resolve('../../evidence/core-components.js')
		}
	}
};
