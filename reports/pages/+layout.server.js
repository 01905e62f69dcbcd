import { dev } from '$app/environment';

// A built page has its rows and charts in its HTML, and none of Evidence's scripts. `ethelred dev` needs the scripts.
export const csr = dev;
