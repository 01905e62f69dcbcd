// The page that a static host shows for an address that doesn't exist.
import { base } from '$app/paths';

export const prerender = true;

const html = `<!doctype html>
<html lang="en">
	<head>
		<meta charset="utf-8" />
		<meta name="viewport" content="width=device-width, initial-scale=1" />
		<title>Ethelred · Page not found</title>
		<link rel="icon" href="${base}/icon.svg" type="image/svg+xml" />
		<style>
			:root { color-scheme: light dark; color: #252c40; background: #fff; --link: #2b4c9b; }
			body { max-width: 34rem; margin: 20vh auto; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif; }
			img { width: 3rem; }
			a { color: var(--link); }
			@media (prefers-color-scheme: dark) {
				:root { color: #dde2ec; background: #12151c; --link: #9db8ff; }
			}
		</style>
	</head>
	<body>
		<main>
			<img src="${base}/icon.svg" alt="" />
			<h1>There is no page here</h1>
			<p>The address may have changed. <a href="${base}/">Go to the overview</a></p>
		</main>
	</body>
</html>
`;

export const GET = () => new Response(html, { headers: { 'content-type': 'text/html' } });
