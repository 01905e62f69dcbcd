// Makes the pages again, with new data, from the bundle that a full build has left. The working folder is
// .evidence/template of that build. What `vite build` and Evidence's command line do after bundling, in order.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const OUTPUT = path.resolve('.svelte-kit/output');
const BUILT = path.resolve('../../build');
const KIT = path.resolve('../../node_modules/@sveltejs/kit/src/core');

Object.assign(process.env, {
	NODE_ENV: 'production',
	EVIDENCE_IS_BUILDING: 'true',
	EVIDENCE_STRICT_MODE: 'true',
	EVIDENCE_DATA_DIR: './static/data',
	EVIDENCE_DATA_URL_PREFIX: 'static/data'
});

const { load_config } = await import(`${KIT}/config/index.js`);
const { default: create_manifest_data } = await import(`${KIT}/sync/create_manifest_data/index.js`);
const { default: analyse } = await import(`${KIT}/postbuild/analyse.js`);
const { default: prerender } = await import(`${KIT}/postbuild/prerender.js`);

const remove = (folder) => fs.rmSync(folder, { recursive: true, force: true });
const copy = (from, to) => fs.existsSync(from) && fs.cpSync(from, to, { recursive: true });
const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

/** Each page and each page's queries, from the data that are there now. */
const makePages = async () => {
	const manifest_path = `${OUTPUT}/server/manifest-full.js`;
	const found = await analyse({
		manifest_path,
		manifest_data: create_manifest_data({ config: await load_config() }),
		server_manifest: readJson(`${OUTPUT}/server/.vite/manifest.json`),
		tracked_features: {},
		env: process.env
	});
	await prerender({ out: '.svelte-kit/output', manifest_path, metadata: found.metadata ?? found, verbose: false, env: {} });
};

/** What the static adapter does. */
const assemble = () => {
	copy(`${OUTPUT}/client`, BUILT);
	for (const kind of ['pages', 'dependencies', 'data']) copy(`${OUTPUT}/prerendered/${kind}`, BUILT);
	remove(`${BUILT}/.vite`);
	const env = `${BUILT}/_app/env.js`;
	if (!fs.existsSync(env)) fs.writeFileSync(env, 'export const env={}');
};

/** What Evidence's command line does: each data file lies under the hash of its content. */
const nameByContent = () => {
	const list = `${BUILT}/data/manifest.json`;
	const manifest = readJson(list);
	for (const files of Object.values(manifest.renderedFiles)) {
		files.forEach((file, i) => {
			const name = file.replace('static/data/', '');
			const hash = createHash('md5').update(fs.readFileSync(`${BUILT}/data/${name}`)).digest('hex');
			const renamed = path.posix.join(path.posix.dirname(name), hash, path.posix.basename(name));
			fs.mkdirSync(path.dirname(`${BUILT}/data/${renamed}`), { recursive: true });
			fs.renameSync(`${BUILT}/data/${name}`, `${BUILT}/data/${renamed}`);
			files[i] = file.replace(name, renamed);
		});
	}
	fs.writeFileSync(list, `${JSON.stringify(manifest)}\n`);
};

for (const folder of [`${OUTPUT}/prerendered`, `${OUTPUT}/client/data`, '.evidence-queries', BUILT]) remove(folder);
// Before the pages: they link to the downloads, and a link to nothing is an error.
copy('static/data', `${OUTPUT}/client/data`);
await makePages();
assemble();
nameByContent();
process.exit(0);
