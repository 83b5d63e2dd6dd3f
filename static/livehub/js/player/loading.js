// hls.js 1.7.4 takes the end of what is buffered for less than it has loaded when one is rounded down by a microsecond.
// It then waits for the next segment with a short last part of this one missing: a halt of some seconds. To be removed
// when its `isLoopLoading` allows for rounding by itself.

const ROUNDING_S = 0.01;

const allowingForRounding = (Controller) =>
  class extends Controller {
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
