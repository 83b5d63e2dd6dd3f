// hls.js 1.7.4 takes the end of what is buffered for less than it has loaded when one is rounded down by a microsecond,
// or when the sound of a segment ends a little before its picture. It then waits for the next segment with a short last
// part of this one missing: a halt of some seconds. Or it looks for what follows in the segment that it has as a whole,
// and while nothing new comes loads its last part again and again, a hundred times a second. To be removed when its
// `getNextFragment` and `isLoopLoading` allow for rounding by themselves.

const ROUNDING_S = 0.01;

const allowingForRounding = (Controller) =>
  class extends Controller {
    getNextFragment(bufferedUntilS, playlist) {
      return super.getNextFragment(bufferedUntilS + ROUNDING_S, playlist);
    }

    isLoopLoading(fragment, bufferedUntilS) {
      return super.isLoopLoading(fragment, bufferedUntilS + ROUNDING_S);
    }
  };

// Returns the part of the configuration that says who loads.
export function loadingBy(Hls) {
  const { streamController, audioStreamController } = Hls.DefaultConfig;
  return {
    streamController: allowingForRounding(streamController),
    audioStreamController: allowingForRounding(audioStreamController),
  };
}
