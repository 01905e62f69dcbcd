"""The site behind Debian's nginx, with the configuration of docs/own-machine.md."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.browsing import Visit
from tests.support.program import PROJECT, Ethelred
from tests.support.servers import free_port, needed, running, wait_for

POLICY = (PROJECT / "reports" / "evidence" / "adapter.js").read_text()


@contextmanager
def nginx(folder: Path, site: Path, login: str = "") -> Iterator[str]:
    """Run Debian's nginx with our configuration, as any user; yield the site's address."""
    program, port = needed("nginx", "nginx-light"), free_port()
    ours = (PROJECT / "scripts" / "nginx.conf").read_text()
    ours = ours.replace("listen 80", f"listen 127.0.0.1:{port}").replace(
        "/srv/www/ethelred", str(site)
    )
    if login:
        (folder / "users").write_text(login)
        ours = ours.replace("# auth_basic", "auth_basic")
        ours = ours.replace("/etc/nginx/ethelred.users", str(folder / "users"))
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"{place}_temp_path {folder}/{place};" for place in places)
    (folder / "nginx.conf").write_text(
        f"user {os.environ.get('USER', 'root')};"
        * (os.geteuid() == 0)
        + f"daemon off; pid {folder}/pid; error_log {folder}/errors; events {{}}"
        f" http {{ include /etc/nginx/mime.types; access_log off; {own}\n{ours} }}"
    )
    command = [program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
    with running(command, folder / "log") as process:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Make one file of each kind that the server treats differently."""
    files = {"index.html": "<p>Here" * 400, "404.html": "<p>Not here", "assets/site.js": "1;" * 999}
    files |= {"dbt/index.html": "<script>", "about/index.html": "<p>About"}
    for name, content in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(content)
    return tmp_path / "site"


def test_nginx_serves_the_site_as_it_should_be(tmp_path: Path, pages: Path) -> None:
    with nginx(tmp_path, pages) as url:
        page = httpx.get(f"{url}/")
        assert (page.status_code, page.headers["content-encoding"]) == (200, "gzip")
        assert page.headers["cache-control"] == "no-cache"
        assert page.headers["x-robots-tag"] == "noindex"
        again = httpx.get(f"{url}/", headers={"If-Modified-Since": page.headers["last-modified"]})
        assert again.status_code == 304
        policy = page.headers["content-security-policy"]
        ours = "".join(re.findall(r'^\t"(.*)"', POLICY.partition("POLICY =")[2], re.M)[:2])
        assert policy == f"{ours}; frame-ancestors 'none'"
        missing = httpx.get(f"{url}/no/such/page")
        assert (missing.status_code, missing.text) == (404, "<p>Not here")
        assert missing.headers["content-security-policy"] == policy
        script = httpx.get(f"{url}/assets/site.js?v=1a2b3c4d")
        assert "immutable" in script.headers["cache-control"]
        assert httpx.get(f"{url}/assets/site.js").headers["cache-control"] == "no-cache"
        assert "content-security-policy" not in httpx.get(f"{url}/dbt/").headers
        assert httpx.get(f"{url}/about").headers["location"] == "/about/"


def test_nginx_asks_for_a_login(tmp_path: Path, pages: Path) -> None:
    shown = ["openssl", "passwd", "-apr1", "open sesame"]
    hashed = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    with nginx(tmp_path, pages, f"ann:{hashed}") as url:
        assert httpx.get(f"{url}/").status_code == 401
        assert httpx.get(f"{url}/", auth=("ann", "wrong")).status_code == 401
        assert httpx.get(f"{url}/", auth=("ann", "open sesame")).status_code == 200


@pytest.mark.dice
@pytest.mark.slow
@pytest.mark.xdist_group("reports")
def test_every_page_works_under_the_servers_policy(
    tmp_path: Path, datastore: Path, ethelred: Ethelred, visit: Visit
) -> None:
    site = tmp_path / "site"
    ethelred("report", "--datastore", datastore, "--site", site)
    with nginx(tmp_path, site) as url:
        for path in site.rglob("index.html"):
            page = visit.context.new_page()
            page.goto(f"{url}/{path.parent.relative_to(site)}/", wait_until="networkidle")
            page.close()
    assert visit.errors == []
