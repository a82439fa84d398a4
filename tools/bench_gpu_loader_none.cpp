// Builds without CUDA.
#include "base/error.hpp"
#include "tools/bench_gpu_loader.hpp"

namespace ctclip {

ExitCode bench_gpu_loader(ToolContext&, std::shared_ptr<SampleSource const>, DataOptions const&,
                          std::int64_t) {
    fail(ExitCode::kUnavailable,
         "--gpu, but this program was built without CUDA. Build it with `bash tools/setup.sh --cuda && bash "
         "tools/build.sh cuda` and start build-cuda/bin/ctclip-bench.");
}

}  // namespace ctclip
