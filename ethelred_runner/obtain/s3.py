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

S3_SETTINGS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"


class S3Source(WebSource):
    """An object in a bucket, read over HTTP at an address that is signed for each request.

    Keys, region and endpoint are the usual `AWS_…` variables, or the platform's own.
    """

    def _check_address(self) -> None:
        self._access = S3_SETTINGS
        parts = urlsplit(self.request.source)
        self._bucket, self._key = parts.netloc, unquote(parts.path.lstrip("/"))
        if not self._bucket or "@" in self._bucket or not self._key:
            raise UsageError(f"{self.label}: write s3://bucket/key; keys go into AWS_… variables")
        with own_access(self.request.platform):
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
    """Replace the AWS_… variables by the platform's own, if it has an access key.

    The platform then uses only these, so that no key reaches another platform's endpoint.
    """
    before, ending = os.environ.copy(), platform.setting_name("")
    all_keys = {name: value for name, value in before.items() if name.startswith("AWS_")}
    own = {name.removesuffix(ending): all_keys[name] for name in all_keys if name.endswith(ending)}
    try:
        if setting(platform.setting_name("AWS_ACCESS_KEY_ID")):
            for name in all_keys:
                del os.environ[name]
            os.environ.update(own)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
