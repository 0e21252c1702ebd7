"""What a night did, in Markdown and in a table, with SQL to look further."""

from collections.abc import Sequence
from typing import Any

from flows.summary import DEMONSTRATION_NOTICE, STATUSES, ScanSummary, printable
from storage.maintenance import MaintenanceAccount

SHOWN_FAILURES = 500
"""Rows of the table of failures; a page with more is not read."""

_QUERIES = {
    "What was read": """
select uri, tracks, findings, is_partial, partial_reason
from videos
where scan_id = '{scan_id}'
order by uri
""",
    "The faces that look most manipulated": """
select
    video_summary.uri, video_summary.deepfake_score, video_summary.is_demonstration
from video_summary
inner join videos using (video_id, recipe_id)
where videos.scan_id = '{scan_id}'
order by video_summary.deepfake_score desc nulls last
limit 20
""",
    "What failed, and why": """
select stage, error, count(*) as attempts, min(uri) as example
from failures
where scan_id = '{scan_id}' and attempt > 0
group by stage, error
order by attempts desc
""",
    "How far the recipe has come": """
select *
from coverage
where recipe_id = '{recipe_id}'
""",
}


def night_markdown(summary: ScanSummary, account: MaintenanceAccount | None = None) -> str:
    """Return the night as a page: the account of its scan, of maintenance if there was one, and queries.

    Args:
        summary: of the scan.
        account: of the maintenance after it.
    """
    lines = [f"# {summary.videos_read:,} videos read into `{_code(summary.lake)}`", ""]
    if summary.is_demonstration:
        lines += [f"> **{DEMONSTRATION_NOTICE}**", ""]
    counts = ", ".join(f"{summary.by_status.get(status, 0):,} {status}" for status in STATUSES)
    lines += [
        "| | |",
        "|---|---|",
        f"| listed | {summary.listed:,} = {counts}{'' if summary.adds_up else ' **DOES NOT ADD UP**'} |",
        f"| recipe | `{summary.recipe_id}`, model `{_code(summary.model_id)}` |",
        f"| faces | {summary.faces:,} in {summary.tracks:,} tracks |",
        f"| clips | {summary.clips:,} with {summary.findings:,} findings |",
        f"| time | {summary.video_s:,.1f} s of video in {summary.wall_s:,.1f} s |",
        f"| cost | {summary.cpu_s:,.1f} CPU seconds, {summary.gpu_s:,.1f} GPU seconds |",
        *(f"| failed | {count:,} {_code(reason)} |" for reason, count in summary.reasons.items()),
        *(_maintenance_lines(account) if account is not None else ()),
        "",
    ]
    for title, query in _QUERIES.items():
        sql = query.strip().format(scan_id=summary.scan_id, recipe_id=summary.recipe_id)
        lines += [f"### {title}", "", "```sql", sql, "```", ""]
    lines += [f"Paste it behind `facesift query --lake {_code(summary.lake)}`."]
    return "\n".join(lines)


def failure_rows(summary: ScanSummary) -> Sequence[dict[str, Any]]:
    """Return the sources that have no result as rows of a table, the new ones first."""
    return [
        {
            "source": printable(failure.uri),
            "stage": failure.stage,
            "error": failure.error,
            "message": printable(failure.message),
            "new": "yes" if failure.is_new else "no",
        }
        for failure in summary.failures[:SHOWN_FAILURES]
    ]


def _maintenance_lines(account: MaintenanceAccount) -> Sequence[str]:
    before, after = (
        sum(getattr(table, name) for table in account.tables) for name in ("files_before", "files_after")
    )
    offending = ", ".join(f"{name} ({rows:,} rows)" for name, rows in account.checks.items() if rows)
    return (
        f"| maintained | {before:,} files are {after:,} now, {account.attempts_erased:,} dead tries erased |",
        f"| checks | {f'**offended: {offending}**' if offending else 'all pass'} |",
    )


def _code(text: str) -> str:
    """Return text that ends neither a code span nor a cell of a table."""
    return printable(text).replace("`", "'").replace("|", "\\|")
