"""The datastore becomes the site, and the site is shown."""
