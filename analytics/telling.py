"""Writing down who watches now, and having the pages look that show it."""

from analytics import batches
from analytics.counting.batch import WatchingNow
from livehub.core import deferred
from streams.livestreams.live_updates import livestream_group, organization_group, send_to_pages


def write_and_tell(now: WatchingNow) -> None:
    """Write who watches now, and tell the pages of livestreams for which that has changed."""
    groups = {
        group
        for livestream_id, organization_id in batches.write_now(now)
        for group in (livestream_group(livestream_id), organization_group(organization_id))
    }
    if groups:
        deferred.post(lambda: send_to_pages(sorted(groups)), what="page.changed")
