#include "kernels/preprocess_cuda.hpp"

#include "base/error.hpp"
#include "kernels/preprocess_kernel.hpp"

namespace ctclip {
namespace {

void require_started(char const* problem) {
    require(problem == nullptr, ExitCode::kUnavailable, "the preprocessing kernel cannot be started: {}",
            problem == nullptr ? "" : problem);
}

}  // namespace

void launch_preprocess(PreprocessRecipe const& recipe, std::uint16_t const* raw_device, void* input_device,
                       InputType type, CudaStream stream) {
    InputShape const shape = InputShape::of(recipe.geometry);
    require_started(start_preprocess_kernel({recipe, raw_device}, shape, input_device, type, stream));
}

void launch_widen_stored(InputShape shape, std::uint16_t const* stored_device, void* input_device,
                         InputType type, CudaStream stream) {
    require_started(start_widen_kernel({shape, stored_device}, shape, input_device, type, stream));
}

}  // namespace ctclip
