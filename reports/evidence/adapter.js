// Publishes the pages of a build, and only the files that they refer to. SvelteKit calls it when all pages are made.
import fs from 'node:fs';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { createHash } from 'node:crypto';

const OUT = 'build';
const SCRIPT = '../../components/site.js';
/** The oldest browsers that run the page's script. */
export const TARGET = ['chrome105', 'edge105', 'firefox110', 'safari16'];
/** A policy that allows no other hosts, and no fetching by scripts. */
export const POLICY =
	"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'";

// Names are stable, because a page that was cached before a new build must find its files.
const ASSET = /\/_app\/immutable\/assets\/([^"')?]+)\.([\w-]{8})\.(\w+)/g;
const stable = (text) => text.replace(ASSET, '/assets/$1.$3?v=$2');

// Parts of Evidence's page to remove: scripts for the appearance, which `site.js` sets, and a splash screen.
const SUPERFLUOUS = [
	/<script>\s*try \{[\s\S]*?<\/script>/,
	/<script>\s*<\/script>/,
	/<!-- SplashScreen -->[\s\S]*?<\/svg>\s*<\/div>/,
	/<style>\s*#__evidence_project_splash[\s\S]*?<\/style>/
];
const without = (page, pattern) => {
	if (!pattern.test(page))
		throw new Error(`Evidence has changed its page: ${pattern} isn't in it. Mend evidence/adapter.js`);
	return page.replace(pattern, '');
};

const write = (name, content) => {
	fs.mkdirSync(path.dirname(`${OUT}/${name}`), { recursive: true });
	fs.writeFileSync(`${OUT}/${name}`, content);
};

const writeScript = () => {
	const options = { bundle: true, minify: true, format: 'iife', target: TARGET, write: false, entryPoints: [SCRIPT] };
	const [{ text }] = buildSync(options).outputFiles;
	write('assets/site.js', text);
	return createHash('md5').update(text).digest('hex').slice(0, 8);
};

const STYLE = /<link href="([^"]*)" rel="stylesheet">/g;

/**
 * A page without Evidence's own scripts and splash screen, and with the site's script and policy. `styleOf` gives the
 * text of a style sheet. It is put into the page, because the browser would wait for a file before it shows anything.
 */
export const finish = (page, base, version, styleOf) => {
	const bare = SUPERFLUOUS.reduce(without, page).replace(STYLE, (_, file) => `<style>${styleOf(file)}</style>`);
	const head =
		`<meta http-equiv="Content-Security-Policy" content="${POLICY}" />` +
		`<script src="${base}/assets/site.js?v=${version}"></script>`;
	return bare
		.replace('<html lang="en">', '<html lang="en" data-theme="light">')
		.replace('<meta name="viewport"', `${head}$&`);
};

const adapt = (builder) => {
	const made = builder.getBuildDirectory('published');
	const base = builder.config.kit.paths.base;
	builder.rimraf(made);
	builder.rimraf(OUT);
	builder.writeClient(made);
	builder.writePrerendered(made);
	builder.copy('static', OUT);
	builder.rimraf(`${OUT}/data/manifest.json`);
	write('manifest.webmanifest', fs.readFileSync(`${made}/manifest.webmanifest`));
	const version = writeScript();
	const assets = new Set();
	const styleOf = (file) => fs.readFileSync(made + file.slice(base.length), 'utf8');
	for (const { file } of builder.prerendered.pages.values()) {
		const page = finish(fs.readFileSync(`${made}/${file}`, 'utf8'), base, version, styleOf);
		for (const [asset] of page.matchAll(ASSET)) assets.add(asset);
		write(file === '404/index.html' ? '404.html' : file, stable(page));
	}
	for (const file of assets) write(stable(file).replace(/\?.*/, ''), fs.readFileSync(made + file));
};

export default { name: 'ethelred', adapt };
