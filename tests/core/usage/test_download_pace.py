"""The speed of a download, without what was there before."""

from __future__ import annotations

from chat_tui.core.models import DownloadProgress
from chat_tui.core.usage.download_pace import DownloadPace


def test_speed_and_time_left_count_from_the_first_report_on() -> None:
    now = [100.0]
    pace = DownloadPace(lambda: now[0])
    assert pace.progress(50_000_000, 100_000_000) == DownloadProgress(50_000_000, 100_000_000)
    now[0] += 10
    assert pace.progress(70_000_000, 100_000_000) == DownloadProgress(70_000_000, 100_000_000, 2_000_000, 15)
    assert pace.progress(70_000_000, 0) == DownloadProgress(70_000_000, 0)
