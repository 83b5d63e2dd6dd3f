"""Seeking in a video as people do, until the picture of that time is painted."""

from playwright.sync_api import Page

# Waits until a frame of that time is there, and of that width, which is known only once it is painted; then the same of
# what is played from there for a while.
_SEEK = """
async ([time, width, plays, playedWidth]) => {
  const video = document.querySelector('video');
  const until = (isDone, what) => new Promise((resolve, reject) => {
    const began = Date.now();
    const look = () => {
      if (video.error) return reject(new Error(video.error.message));
      if (isDone()) return resolve();
      const state = `${video.currentTime} ${video.readyState} ${video.videoWidth}`;
      if (Date.now() - began > 60000) return reject(new Error(`${what} ${state}`));
      setTimeout(look, 20);
    };
    look();
  });
  await until(() => video.readyState >= 1 && isFinite(video.duration), 'metadata');
  video.pause();
  video.currentTime = time;
  await until(() => !video.seeking && video.readyState >= 2 && video.videoWidth === width, 'seek');
  if (plays) {
    await video.play();
    await until(() => (video.currentTime > time + plays || video.ended) && video.videoWidth === playedWidth, 'play');
  }
  return video.duration;
}
"""


def seek(page: Page, time_s: float, *, width: int) -> float:
    """Return how long the page's video lasts once a picture of that width is shown at a time.

    :raises playwright.sync_api.Error: when that does not happen.
    """
    duration_s: float = page.evaluate(_SEEK, [time_s, width, 0, 0])
    return duration_s


def seek_and_play(page: Page, time_s: float, *, width: int, for_s: float, then_width: int) -> None:
    """Play from a time on, until pictures of another width are shown.

    :raises playwright.sync_api.Error: when that does not happen.
    """
    page.evaluate(_SEEK, [time_s, width, for_s, then_width])
