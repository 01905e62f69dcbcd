import assert from 'node:assert/strict';
import test from 'node:test';

// As while Evidence builds, in a folder of the project.
process.env.EVIDENCE_IS_BUILDING = 'true';
process.chdir(new URL('../node_modules/.bin', import.meta.url).pathname);
const { finish } = await import('../evidence/adapter.js');
const { evidenceComponents, REPLACED } = await import('../evidence/components.js');

test('a page or component in which Evidence has changed what is replaced ends the build', () => {
	assert.throws(() => finish('<html lang="en"></html>', '', '', () => ''), /Mend evidence\/adapter.js/);
	for (const name of Object.keys(REPLACED)) {
		const filename = `/node_modules/@evidence-dev/core-components/dist/${name}.svelte`;
		assert.throws(() => evidenceComponents.markup({ content: '<p>', filename }), /Mend evidence\/components.js/, name);
	}
});
