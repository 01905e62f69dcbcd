"""A copy in object storage: `s3://bucket/key`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import S3Store

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.network import endpoint_is_local
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.obtain.web import WebSource
from ethelred_runner.settings import setting

OWN_SETTINGS = [
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
]
S3_SETTINGS = "AWS_ACCESS_KEY_ID{0}, AWS_SECRET_ACCESS_KEY{0} and AWS_REGION{0}"


class S3Source(WebSource):
    """An object in a bucket, read over HTTP at an address that is signed for each request.

    Keys, region and endpoint are the usual `AWS_…` variables, or the platform's own.
    """

    def _check_address(self) -> None:
        platform = self.request.platform
        ending = platform.setting_name("") if _own_settings(platform) else ""
        self._access = S3_SETTINGS.format(ending)
        parts = urlsplit(self.request.source)
        self._bucket, self._key = parts.netloc, unquote(parts.path.lstrip("/"))
        if not self._bucket or "@" in self._bucket or not self._key:
            raise UsageError(f"{self.label}: write s3://bucket/key; keys go into AWS_… variables")
        with own_access(platform):
            endpoint_is_local()

    def _url(self) -> str:
        try:
            with own_access(self.request.platform):
                store = S3Store(self._bucket, client_options={"allow_http": endpoint_is_local()})
                return obstore.sign(store, "GET", self._key, timedelta(hours=12))
        except UsageError:
            raise
        except Exception:
            raise SourceError(f"no request can be signed; check {self._access}") from None


@contextmanager
def own_access(platform: Platform) -> Iterator[None]:
    """Replace the AWS_… variables by the platform's own, if it has any.

    The platform then uses only these, so that no key reaches another platform's endpoint.
    """
    before, own = os.environ.copy(), _own_settings(platform)
    try:
        for name in before if own else ():
            if name.startswith("AWS_"):
                del os.environ[name]
        os.environ.update(own)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _own_settings(platform: Platform) -> dict[str, str]:
    """Return the platform's own AWS_… variables by their usual names."""
    names = {name: platform.setting_name(name) for name in OWN_SETTINGS}
    # With a platform called s3, AWS_ENDPOINT_URL_S3 stays the usual variable.
    return {name: setting(own) for name, own in names.items() if setting(own) and own not in names}
