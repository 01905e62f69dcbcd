// A page is made for each platform that another page links to. While the datastore is empty, there is none.
export const prerender = 'auto';
