import assert from 'node:assert/strict';
import test from 'node:test';

// Evidence builds with this variable, and in a folder of the project.
process.env.EVIDENCE_IS_BUILDING = 'true';
process.chdir(new URL('../node_modules/.bin', import.meta.url).pathname);
const { finish } = await import('../evidence/adapter.js');
const { evidenceComponents, REPLACED } = await import('../evidence/components.js');

test('a component that needs a script of Evidence is refused, with the names of page and component', () => {
	const refused = [
		['<Dropdown>', "import { Value, Dropdown } from '@evidence-dev/core-components';"],
		['<AreaMap>', "import { AreaMap } from '@evidence-dev/core-components';"],
		['<DataTable search>', '<DataTable data={headlines} search=true/>']
	];
	const filename = '/.evidence/template/src/pages/about/+page.md';
	for (const [named, content] of refused)
		assert.throws(
			() => evidenceComponents.markup({ content, filename }),
			({ message }) => message.startsWith(`pages/about.md: ${named} needs `)
		);
	assert.ok(evidenceComponents.markup({ content: '<DataTable data={headlines} search=false/>', filename }));
});

test('the build ends if Evidence has changed what is replaced in its page or components', () => {
	assert.throws(() => finish('<html lang="en"></html>', '', '', () => ''), /Mend evidence\/adapter.js/);
	for (const name of Object.keys(REPLACED)) {
		const filename = `/node_modules/@evidence-dev/core-components/dist/${name}.svelte`;
		assert.throws(() => evidenceComponents.markup({ content: '<p>', filename }), /Mend evidence\/components.js/, name);
	}
});
