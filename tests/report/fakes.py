"""Report data as a run would give it, made up, with hostile strings wherever a document has a say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from winnow.report.model import (
    MAX_EXCERPT_CHARS,
    NUM_BINS,
    Amount,
    Broken,
    Choice,
    Cluster,
    Deduplication,
    EditSummary,
    Failure,
    Histogram,
    Limit,
    Loss,
    Mark,
    Member,
    Node,
    Placed,
    Removed,
    ReportData,
    Rule,
    Sample,
    ScoreLook,
    Scores,
    SourceMix,
    SourceShare,
    Spread,
    Stage,
    StepTime,
)
from winnow.report.passages import side_by_side

HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\'" &amp; \x00\ud800'
TEXT = (
    "A tide mill keeps strange hours. A river mill can grind whenever the miller is awake, and a windmill whenever "
    "there is wind, but a tide mill works when the moon says so.\nTwice a day the sea climbs the creek. "
)


def sample(number: int, values: dict[str, float | str | None], *reasons: str, text: str = TEXT * 3) -> Sample:
    return Sample(
        id=f"{number:032x}",
        url=f"https://tide-mills.example/essays/{number}?from=front-page",
        source="crawl.warc.gz",
        excerpt=text[:MAX_EXCERPT_CHARS],
        num_chars=len(text) * 2,
        values=values,
        reasons=reasons,
    )


def rule(name: str, expression: str, operator: str, threshold: float, first: int, any_: int, only: int) -> Rule:
    sign = -1 if operator == "<" else 1
    rejected = [
        sample(i, {expression: threshold + sign * threshold * (i + 1) / 7}, name, "c4@tfds:few_sentences")
        for i in range(3)
    ]
    nearest = [sample(i + 9, {expression: threshold - sign * threshold * i / 50}) for i in range(2)]
    return Rule(
        name=name,
        condition=f"{expression} {operator} {threshold}",
        first=first,
        any=any_,
        only=only,
        limits=(Limit(expression=expression, operator=operator, threshold=threshold),),
        rejected=tuple(rejected) if any_ else (),
        nearest=tuple(nearest) if any_ else (),
    )


def histogram(one: Rule, choice: str, shape: Callable[[float], float]) -> Histogram:
    limit = one.limits[0]
    top = 2.4 * limit.threshold
    edges = tuple(top * i / NUM_BINS for i in range(NUM_BINS + 1))
    totals = [round(900 * shape(i / NUM_BINS)) for i in range(NUM_BINS)]
    bad = [(edge >= limit.threshold) == (limit.operator == ">") for edge in edges]
    return Histogram(
        expression=limit.expression,
        choice=choice,
        description="Share of the characters that stand in repeated lines",
        unit="",
        edges=edges,
        kept=tuple(0 if b else round(0.8 * n) for n, b in zip(totals, bad, strict=False)),
        dropped=tuple(n if b else n - round(0.8 * n) for n, b in zip(totals, bad, strict=False)),
        marks=(Mark(rule=one.name, operator=limit.operator, threshold=limit.threshold),),
    )


def hump(at: float, width: float) -> Callable[[float], float]:
    return lambda x: math.exp(-(((x - at) / width) ** 2))


SHOWN = (
    (rule("url@dclm:blocklist", "url.num_blocked", ">", 0, 410, 410, 120), hump(0.0, 0.05)),
    (
        rule("language@refinedweb:not_english", "language.en_probability", "<", 0.65, 13210, 13210, 9110),
        hump(0.4, 0.06),
    ),
    (rule("gopher@dclm:word_count", "text.num_words", "<", 50, 2210, 3011, 240), hump(0.7, 0.5)),
    (
        rule(
            "gopher@dclm:duplicate_line_chars",
            "text.num_duplicate_line_chars / text.num_chars",
            ">",
            0.2,
            980,
            1911,
            212,
        ),
        hump(0.02, 0.2),
    ),
    (
        rule(
            "gopher@dclm:top_2gram_chars",
            "text.top_2gram_count * text.top_2gram_chars / text.num_word_chars",
            ">",
            0.2,
            311,
            1201,
            44,
        ),
        hump(0.15, 0.15),
    ),
    (
        rule("gopher@dclm:ellipsis_lines", "text.num_ellipsis_lines / text.num_lines", ">", 0.3, 96, 210, 71),
        hump(0.0, 0.1),
    ),
    (rule("gopher@dclm:hashes", "text.num_hashes / text.num_words", ">", 0.1, 0, 0, 0), hump(0.0, 0.05)),
    (rule("gopher@dclm:bullet_lines", "text.num_bullet_lines / text.num_lines", ">", 0.9, 0, 0, 0), hump(0.0, 0.05)),
)


def choice() -> Choice:
    return Choice(
        name="refinedweb@dclm",
        label="select-81c09a1d22ee0f34",
        documents=41_003,
        kept=23_796,
        rules=tuple(r for r, _ in SHOWN),
    )


def stages() -> tuple[Stage, ...]:
    def split(documents: int, words: int | None) -> dict[str, Amount]:
        parts = {"crawl-00017.warc.gz": 0.55, "crawl-00018.warc.gz": 0.3, "blogs.jsonl.zst": 0.15}
        return {
            name: Amount(documents=round(documents * part), words=words and round(words * part))
            for name, part in parts.items()
        }

    losses = tuple(Loss(reason=one.name, documents=one.first) for one, _ in SHOWN)
    skipped = {"not HTML": 2110, "status 404": 1307, "status 301": 980, "request": 61}
    pages = 48_102 - sum(skipped.values())
    return (
        Stage(
            name="Records",
            what="everything in the files of the crawl",
            total=Amount(documents=48_102, bytes=1_310_000_000),
        ),
        Stage(
            name="Pages",
            what="responses with status 2xx that hold HTML",
            total=Amount(documents=pages),
            losses=tuple(Loss(reason=k, documents=v) for k, v in skipped.items()),
        ),
        Stage(
            name="Documents",
            what="main text extracted by Resiliparse",
            total=Amount(documents=41_003, words=27_900_000, bytes=171_000_000),
            sources=split(41_003, 27_900_000),
            losses=(Loss(reason="quarantined", documents=pages - 41_003),),
        ),
        Stage(
            name="Selected",
            what="by refinedweb@dclm",
            total=Amount(documents=23_796, words=19_400_000, bytes=118_000_000),
            sources=split(23_796, 19_400_000),
            losses=losses,
        ),
        Stage(
            name="Chosen",
            what="by edits@refinedweb",
            total=Amount(documents=22_104, words=18_090_121, bytes=110_000_000),
            sources=split(22_104, 18_090_121),
            losses=(Loss(reason="refinedweb_edits@dclm:words_removed", documents=1692),),
        ),
    )


def cluster(number: int, text: str = TEXT * 3, members: int = 2) -> Cluster:
    kept = sample(number, {}, text=text)
    found = [
        Member(id=f"m{n}", url=f"{kept.url}&copy={n}", source="mirror", reported=0.9, jaccard=0.8 + n / 100)
        for n in range(members)
    ]
    return Cluster(
        kept=kept,
        size=members + number,
        alarm=number > 1000,
        members=tuple(found),
        among=(0.75,),
        beside=side_by_side(text, f"Home. {text.replace('moon', 'sun')}", names=(kept.id, "m0")),
    )


def deduplication() -> Deduplication:
    spread = Spread(number=24, lowest=0.42, tenth=0.71, median=0.93)
    return Deduplication(
        name="minhash",
        label="duplicates-minhash-9f2c",
        documents=41_003,
        removed=9_120,
        num_clusters=2_311,
        removed_bytes=31_200_000,
        bytes_are_exact=False,
        sources=(
            SourceShare(source="mirrors.jsonl", documents=4_000, removed=3_100, alarm=True),
            SourceShare(source="", documents=37_003, removed=6_020),
        ),
        similarities=dataclasses.replace(
            histogram(SHOWN[1][0], "duplicates-minhash-9f2c", hump(0.9, 0.1)), marks=(), kept=(0,) * NUM_BINS
        ),
        largest=(cluster(1200), cluster(30)),
        sampled=(cluster(3), cluster(30)),
        to_kept=spread,
        among=spread,
        alarms=("minhash: the source mirrors.jsonl loses 3,100 of 4,000 documents (78%, more than 50%)",),
    )


def scores(number: int = 3, text: str = TEXT * 3) -> Scores:
    """So many scores of one pool, the last without a length to compare with."""
    placed = Placed(sample=sample(5, {}, text=text), quantile=0.25, value=0.018)
    shown = histogram(SHOWN[1][0], "select-91aa", hump(0.4, 0.2))
    looks = tuple(
        ScoreLook(
            name=f"score{index}",
            expression="fasttext.hq_logit",
            label="select-91aa",
            documents=9000,
            kept=900,
            length_correlation=None if index == number - 1 else 0.3,
            source_share=0.4,
            histogram=shown,
            along=(placed,) * 7,
            just_kept=(placed,) * 3,
            just_dropped=(placed,) * 3,
        )
        for index in range(number)
    )
    square = tuple((0.5,) * number for _ in looks)
    mix = SourceMix(
        source="forum",
        documents=4000,
        pool_fraction=0.4,
        kept_fractions=(0.1,) * number,
        mean_quantiles=(0.3,) * number,
    )
    return Scores(drawn=9000, scores=looks, correlations=square, agreements=square, sources=(mix,), alarms=("score0",))


def report() -> ReportData:
    """A report as of a medium run."""
    label = "select-81c09a1d22ee0f34"
    histograms = tuple(histogram(one, label, shape) for one, shape in SHOWN if one.limits[0].threshold)
    fraction = histogram(SHOWN[5][0], "edit-77aa", hump(0.0, 0.2))
    return ReportData(
        recipe="refinedweb",
        command="winnow run refinedweb --source 's3://crawl/2025-11/*.warc.gz'",
        source="s3://crawl/2025-11/*.warc.gz",
        made="2025-11-20T22:41:07+00:00",
        stages=stages(),
        removed=(Removed(what="language", documents=9, fraction=0.4, published_fraction=0.508, source="a paper"),),
        choices=(choice(),),
        histograms=histograms,
        edits=(
            EditSummary(
                name="RefinedWebLines",
                label="edit-77aa3bc9102f44de",
                documents=23_796,
                changed=9_121,
                removed={"uppercase": 210, "numeric": 3911, "counter": 12_010, "short_line": 7_113},
                fraction=fraction,
            ),
        ),
        deduplications=(deduplication(),),
        scores=(scores(),),
        steps=(
            StepTime(
                label="read-3f2a91c04b7e55d0",
                kind="Read",
                documents=41_003,
                quarantined=17,
                bytes=1_310_000_000,
                seconds=421.2,
            ),
            StepTime(
                label="score-0a91c04b7e55d03f",
                kind="Score text",
                documents=41_003,
                quarantined=0,
                bytes=171_000_000,
                seconds=1.21,
            ),
            StepTime(
                label="score-c04b7e55d03f2a91",
                kind="Score language",
                documents=41_003,
                quarantined=1,
                bytes=171_000_000,
                seconds=9.7,
            ),
            StepTime(label=label, kind="Select", documents=41_003, quarantined=0, bytes=12_000_000, seconds=0.31),
        ),
        failures=(
            Failure(
                step="read-3f2a91c04b7e55d0",
                kind="timeout",
                error="no text after … s",
                count=12,
                examples=(
                    Broken(
                        where="crawl-00017.warc.gz:88121",
                        url="https://bottomless.example/well",
                        error="no text after 10 s",
                    ),
                ),
            ),
            Failure(
                step="read-3f2a91c04b7e55d0",
                kind="error",
                error="Gzip decompression error: data error",
                count=5,
                examples=(
                    Broken(where="crawl-00018.warc.gz:1002", url="", error="Gzip decompression error: data error"),
                ),
            ),
        ),
        skipped={"not HTML": 2110, "status 404": 1307, "status 301": 980, "request": 61},
        tree=(
            Node(
                name="Read",
                value="read-3f2a91c04b7e55d0",
                children=(
                    Node(name="source", value="s3://crawl/2025-11/*.warc.gz"),
                    Node(name="extract", value="Resiliparse", children=(Node(name="main_content", value="true"),)),
                ),
            ),
            Node(
                name="Select",
                value=label,
                children=(
                    Node(name="documents", value="read-3f2a91c04b7e55d0"),
                    Node(name="reject", value="refinedweb@dclm"),
                ),
            ),
        ),
        libraries={
            "python": "3.12.4",
            "winnow-data": "0.1.0",
            "pyarrow": "26.0.1",
            "duckdb": "2.0.0",
            "resiliparse": "2.0.1",
        },
    )
