// As many pages as the overview links to: none while the datastore is empty.
export const prerender = 'auto';
