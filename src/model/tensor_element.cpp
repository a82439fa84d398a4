#include "model/tensor_element.hpp"

#include "base/error.hpp"

namespace ctclip {

Element element_of(at::Tensor const& tensor) {
    switch (tensor.scalar_type()) {
        case at::kFloat:
            return Element::kF32;
        case at::kDouble:
            return Element::kF64;
        default:
            fail(ExitCode::kInternal, "ranks exchange tensors of float32 or float64, not of {}",
                 at::toString(tensor.scalar_type()));
    }
}

}  // namespace ctclip
