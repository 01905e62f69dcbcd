"""Build the site from the datastore, and serve it."""

from ethelred_runner.report.dev import dev
from ethelred_runner.report.evidence import check_evidence
from ethelred_runner.report.serve import serve
from ethelred_runner.report.site import MARKER, build_site, read_marker, resolve_site

__all__ = ["MARKER", "build_site", "check_evidence", "dev", "read_marker", "resolve_site", "serve"]
