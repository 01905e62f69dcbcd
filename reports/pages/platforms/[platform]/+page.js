// As many pages as others link to: none while the datastore is empty.
export const prerender = 'auto';
