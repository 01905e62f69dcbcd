/**
 * The rows of a page's query, as an array. A failed query is an error of the page:
 * Evidence alone would show an empty section and call the build a success.
 */
export const rowsOf = (query) => {
	if (query?.error) throw query.error;
	return [...(query ?? [])];
};
