import { dev } from '$app/environment';

// A built page carries none of Evidence's scripts: its rows and charts are in it. `ethelred dev` needs them.
export const csr = dev;
