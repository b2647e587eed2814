"""Makes the packaged sample: a small crawl that holds one page of every kind that a filter should meet.

    python benchmarks/make_sample.py

writes ``crawl.warc.gz`` and ``blocklist.txt`` into ``src/winnow/recipes/sample``, from texts in ``sample_pages/*.md``.
Hosts are invented and the texts are this project's own, so that the sample can be shipped. Nothing depends on the clock
or on chance, so that the same texts always make the same records. A page in ``sample_pages`` is a head of
``name: value`` lines and a body in a small subset of Markdown:

    @@ URL
    title, by, date, lang   what they say
    encoding, declared      how the bytes are written, and where (header, meta) or as what that is said
    mojibake: yes           UTF-8 was once read as windows-1252
    same as: URL            the bytes of another page
    generated: NAME         the body comes from the function of that name

    body
"""

from __future__ import annotations

import html
import re
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

PAGES = Path(__file__).parent / "sample_pages"
SAMPLE = Path(__file__).resolve().parents[1] / "src/winnow/recipes/sample"
CRAWLED = datetime(2025, 3, 15, 6, 0, tzinfo=UTC)
BLOCKED = ["lucky-wheel-casino.example", "velvet-evenings.example", "free-prize-draw.example", "pills-by-post.example"]
PATCHED = b"\xff" * 48  # an invalid block type, wherever a decompressor meets it


@dataclass(frozen=True)
class Page:
    """A page to be crawled: its URL, its head and its body in Markdown."""

    url: str
    head: dict[str, str]
    body: str

    def get(self, name: str, default: str = "") -> str:
        """A line of the head."""
        return self.head.get(name, default)


@dataclass(frozen=True)
class Response:
    """What a server sent."""

    url: str
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)


# --- reading the pages


def read_pages() -> list[Page]:
    return [parse(block) for path in sorted(PAGES.glob("*.md")) for block in split_pages(path.read_text("utf-8"))]


def split_pages(text: str) -> list[str]:
    return [block for block in re.split(r"^@@ ", text, flags=re.MULTILINE) if block.strip()]


def parse(block: str) -> Page:
    top, _, body = block.strip().partition("\n\n")
    url, *lines = top.splitlines()
    head = dict(line.split(": ", 1) for line in lines)
    return Page(url, head, GENERATED[head["generated"]]() if "generated" in head else body)


# --- bodies that are easier to make than to write


def numbers() -> str:
    """A month of water levels, three an hour."""
    levels = [f"{(day * 37 + step * 53) % 397 / 100:.2f}" for day in range(31) for step in range(24)]
    rows = [f"{1 + i // 24:02d} 05 2024 | " + " ".join(levels[i : i + 24]) for i in range(0, len(levels), 24)]
    return "\n\n".join(rows)


def song() -> str:
    """Eight verses that differ in two words."""
    verses = [("bus", "hill"), ("mill", "stream"), ("cart", "lane"), ("train", "bridge")] * 2
    lines = [
        "The wheel of the {0} goes round and round, round and round, round and round.",
        "The wheel of the {0} goes round and round, and we all go over the {1}.",
        "Sing it again, sing it again, sing it with all of your friends.",
    ]
    return "\n\n".join(line.format(*verse) for verse in verses for line in lines)


def linkfarm() -> str:
    """The same sentence for forty partners."""
    things = ["loans", "watches", "insurance", "vitamins", "tyres", "windows", "printers", "flights"]
    towns = ["Northfield", "Eastham", "Westbury", "Southgate", "Middleton"]
    sentence = "Click here to visit the best {0} in {1} and get the best price on {0} with free delivery to {1}."
    return "\n\n".join(sentence.format(thing, town) for town in towns for thing in things)


def calendar() -> str:
    """Nothing but months."""
    months = ["January", "March", "May", "July", "September", "November"]
    return "\n".join(f"{month} {year}" for year in range(2014, 2025) for month in months)


GENERATED: dict[str, Callable[[], str]] = {"numbers": numbers, "song": song, "linkfarm": linkfarm, "calendar": calendar}


# --- from Markdown to a web page with everything that surrounds a text on the web


def to_html(body: str) -> str:
    blocks = re.findall(r"```\n.*?\n```|(?:(?!\n\n).)+", body, flags=re.DOTALL)
    return "\n".join(to_block(block.strip()) for block in blocks if block.strip())


def to_block(block: str) -> str:
    if block.startswith("```"):
        return f"<pre><code>{html.escape(block[4:-4], quote=False)}</code></pre>"
    if block.startswith("## "):
        return f"<h2>{to_inline(block[3:])}</h2>"
    if block.startswith("- "):
        items = "\n".join(f"<li>{to_inline(line[2:])}</li>" for line in block.splitlines())
        return f"<ul>\n{items}\n</ul>"
    return f"<p>{to_inline(block)}</p>".replace("\n", "<br>\n")


def to_inline(text: str) -> str:
    text = html.escape(text, quote=False)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def to_page(page: Page) -> str:
    host = (urlsplit(page.url).hostname or "").removeprefix("www.")
    name = host.removesuffix(".example").replace("-", " ").replace(".", " ").title()
    title, by, date = (html.escape(page.get(key)) for key in ("title", "by", "date"))
    charset = page.get("encoding", "utf-8") if page.get("declared") == "meta" else "utf-8"
    meta = "" if page.get("declared") == "header" else f'<meta charset="{charset}">\n'
    byline = f'<p class="byline">By {by}, <time>{date}</time></p>' if by else ""
    return TEMPLATE.format(
        lang=page.get("lang", "en"),
        meta=meta,
        title=title,
        name=name,
        host=host,
        byline=byline,
        body=to_html(page.body),
    )


TEMPLATE = """<!DOCTYPE html>
<html lang="{lang}">
<head>
{meta}<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/site.css">
<script>window.log = window.log || []; function track() {{ window.log.push(arguments); }} track("page");</script>
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "WebPage"}}</script>
</head>
<body>
<div class="cookie-banner" role="dialog"><span>We use cookies to improve this site.</span> <button>Accept</button></div>
<header class="site-header">
<a class="logo" href="/">{name}</a>
<nav class="main-nav"><ul><li><a href="/">Home</a></li><li><a href="/latest">Latest</a></li>
<li><a href="/topics">Topics</a></li><li><a href="/about">About</a></li></ul></nav>
<form action="/search"><input type="search" name="q" placeholder="Search"><button>Go</button></form>
</header>
<main>
<article>
<h1>{title}</h1>
{byline}
{body}
</article>
</main>
<aside class="sidebar"><h3>Most read</h3><ul><li><a href="/a">Ten ideas for a rainy day</a></li>
<li><a href="/b">What our readers say</a></li><li><a href="/c">The week in pictures</a></li></ul>
<div class="newsletter"><p>Get our newsletter</p><input type="email"><button>Sign up</button></div></aside>
<footer class="site-footer"><p>&copy; 2025 {name}. All rights reserved.</p>
<ul><li><a href="/privacy">Privacy policy</a></li><li><a href="/terms">Terms of use</a></li></ul></footer>
<script src="/static/site.js" async></script>
</body>
</html>
"""


# --- from pages to what servers sent


def respond(page: Page) -> Response:
    encoding, declared = page.get("encoding", "utf-8"), page.get("declared")
    text = to_page(page)
    if "mojibake" in page.head:
        text = text.encode().decode("cp1252", errors="replace")
    charset = encoding if declared == "header" else "utf-8"
    return Response(
        page.url, text.encode(encoding), "text/html" if declared == "meta" else f"text/html; charset={charset}"
    )


def responses() -> list[Response]:
    """Every page, and between them what else a crawler meets."""
    pages = {page.url: page for page in read_pages()}
    made = [respond(Page(page.url, *source_of(page, pages))) for page in pages.values()]
    odd = odd_responses()
    step = len(made) // len(odd)
    for i, response in enumerate(odd):
        made.insert(i * (step + 1) + step, response)
    return made


def source_of(page: Page, pages: dict[str, Page]) -> tuple[dict[str, str], str]:
    source = pages[page.get("same as")] if "same as" in page.head else page
    return source.head, source.body


def odd_responses() -> list[Response]:
    moved = {"Location": "https://breadbench.example/2025/why-starter-rises"}
    deep = "<div>" * 3000 + "There is a sentence at the bottom of this well." + "</div>" * 3000
    half = gzipped(simple_html("Half a page", "This page was cut off while it was sent. " * 200))[:60]
    return [
        Response("https://harbourjournal.example/robots.txt", b"User-agent: *\nAllow: /\n", "text/plain"),
        Response("https://fern-and-flint.example/empty", b""),
        Response("https://townledger.example/2019/old", simple_html("Not found", "Moved?"), status="404 Not Found"),
        Response("https://breadbench.example/starter", b"", status="301 Moved Permanently", headers=moved),
        Response("https://peatandwater.example/report.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf"),
        Response("https://nightgarden.example/img/dot.png", b"\x89PNG\r\n\x1a\n", "image/png"),
        Response("https://bottomless.example/well", simple_html("A well", deep)),
        Response("https://patchyline.example/half", half, headers={"Content-Encoding": "gzip"}),
    ]


def simple_html(title: str, body: str) -> bytes:
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{body}</p></body></html>".encode()


# --- from responses to a WARC file


def gzipped(data: bytes) -> bytes:
    """One gzip member without a time in its head."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def warc_record(kind: str, content_type: str, block: bytes, moment: datetime, url: str = "") -> bytes:
    head = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {moment.isoformat()} {url}')}>",
        f"WARC-Date: {moment:%Y-%m-%dT%H:%M:%SZ}",
        *([f"WARC-Target-URI: {url}"] if url else []),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def response_record(response: Response, moment: datetime) -> bytes:
    head = {"Content-Type": response.content_type, **response.headers, "Content-Length": str(len(response.body))}
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in head.items())]
    block = "\r\n".join(lines).encode() + b"\r\n\r\n" + response.body
    return warc_record("response", "application/http; msgtype=response", block, moment, response.url)


def request_record(url: str, moment: datetime) -> bytes:
    parts = urlsplit(url)
    block = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: sample-crawler/1.0\r\n\r\n".encode()
    return warc_record("request", "application/http; msgtype=request", block, moment, url)


LOST = Response("https://bitrot.example/lost", simple_html("Lost", "The bytes of this page went bad on the disk. " * 9))


def members() -> list[bytes]:
    """The gzip members of the file, one per record; one of them is damaged."""
    made = responses()
    info = b"software: benchmarks/make_sample.py\r\nformat: WARC File Format 1.1\r\n"
    records = [warc_record("warcinfo", "application/warc-fields", info, CRAWLED)]
    records.append(request_record(made[0].url, CRAWLED))
    records += [response_record(response, CRAWLED + timedelta(seconds=1 + i)) for i, response in enumerate(made)]
    packed = [gzipped(record) for record in records]
    packed.insert(len(packed) // 2, damage(gzipped(response_record(LOST, CRAWLED))))
    return packed


def damage(member: bytes) -> bytes:
    """Overwrite bytes in the middle, as a bad disk block does."""
    middle = len(member) // 2
    return member[:middle] + PATCHED + member[middle + len(PATCHED) :]


def blocklist() -> str:
    return "# invented domains, for the demo\n" + "".join(f"{domain}\n" for domain in BLOCKED)


def main() -> None:
    SAMPLE.mkdir(parents=True, exist_ok=True)
    records = members()
    size = (SAMPLE / "crawl.warc.gz").write_bytes(b"".join(records))
    (SAMPLE / "blocklist.txt").write_text(blocklist(), encoding="utf-8")
    print(f"{len(records)} records, {size:,} bytes in {SAMPLE / 'crawl.warc.gz'}")


if __name__ == "__main__":
    main()
