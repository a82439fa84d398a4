#include "dist/communicator.hpp"

#include <cstdint>

#include "base/error.hpp"

namespace ctclip {

std::size_t element_size_bytes(Element element) {
    switch (element) {
        case Element::kF64:
        case Element::kI64:
            return 8;
        case Element::kF32:
        case Element::kI32:
            return 4;
        case Element::kU8:
            return 1;
    }
    fail(ExitCode::kInternal, "unknown element type {}", static_cast<int>(element));
}

void check_reduction(Element element, Reduction reduction) {
    bool const is_floating = element == Element::kF64 || element == Element::kF32;
    require(reduction != Reduction::kAverage || is_floating, ExitCode::kInternal,
            "an average over ranks was asked of integers");
}

bool any_rank(bool wish, Communicator& communicator) {
    std::int32_t flag = wish ? 1 : 0;
    communicator.all_reduce(&flag, 1, Element::kI32, Reduction::kMax);
    return flag != 0;
}

}  // namespace ctclip
