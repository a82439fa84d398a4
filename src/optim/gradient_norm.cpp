#include "optim/gradient_norm.hpp"

namespace ctclip {

at::Tensor norm_of_each(at::TensorList gradients) {
    return at::stack(at::_foreach_norm(gradients, 2, at::kDouble));
}

at::Tensor global_norm(at::Tensor const& norms) {
    return at::linalg_vector_norm(norms);
}

at::Tensor clip_coefficient(at::Tensor const& norm, double max_norm) {
    return (max_norm / (norm + 1e-6)).clamp_max(1.0);
}

void scale_gradients(at::TensorList gradients, at::Tensor const& factor) {
    at::_foreach_mul_(gradients, factor.to(gradients[0].scalar_type()));
}

}  // namespace ctclip
