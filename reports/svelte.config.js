import { resolve } from 'node:path';

// Evidence merges this into its own configuration, with .evidence/template as working folder.
export default {
	kit: {
		alias: {
			'@evidence-dev/core-components': resolve('../../evidence/core-components.js')
		}
	}
};
