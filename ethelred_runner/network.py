"""Rules for private connections, because copies and history are personal data."""

import os
from urllib.parse import urlsplit

from ethelred_runner.errors import UsageError
from ethelred_runner.settings import setting

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def is_encrypted_or_local(scheme: str, host: str | None) -> bool:
    """Return whether a connection is encrypted or stays on this machine."""
    return scheme == "https" or host in LOOPBACK


def is_web_address(address: str) -> bool:
    """Return whether an address has http or https, and a host."""
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an incomplete IPv6 address, or an invalid port
        return False
    return is_web and len(address.split()) == 1


def endpoint_is_local() -> bool:
    """Return whether the S3 service runs on this machine, which makes TLS unnecessary.

    Raises UsageError if its address is invalid, or if it runs elsewhere without TLS.
    """
    name = next(filter(setting, ENDPOINTS), ENDPOINTS[0])
    if setting(name) and not is_web_address(setting(name)):
        raise UsageError(f"{name} is no address of a service: write https://host")
    endpoint = urlsplit(setting(name))
    if endpoint.scheme and not is_encrypted_or_local(endpoint.scheme, endpoint.hostname):
        raise UsageError(
            "AWS_ENDPOINT_URL: the S3 service is reached by http, which isn't encrypted; use https"
        )
    return is_encrypted_or_local("", endpoint.hostname)


def bypass_proxy_for_this_machine() -> None:
    """Exclude this machine from proxies, which could read all unencrypted traffic."""
    others = setting("no_proxy") or setting("NO_PROXY")
    if others != "*":
        names = ",".join(dict.fromkeys([*filter(None, others.split(",")), *LOOPBACK]))
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = names
