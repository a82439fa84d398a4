#include "model/matrix_product.hpp"

namespace ctclip {
namespace {

bool is_half_on_gpu(at::Tensor const& tensor) {
    return tensor.is_cuda() && (tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16);
}

at::Tensor widened(at::Tensor const& operand) {
    bool const is_half = operand.scalar_type() == at::kHalf || operand.scalar_type() == at::kBFloat16;
    return is_half ? operand.to(at::kFloat) : operand;
}

at::Tensor gpu_product(at::Tensor const& a, at::Tensor const& b, at::ScalarType result) {
    bool const is_stack = a.dim() == 3;
    if (result == a.scalar_type()) {
        return is_stack ? at::bmm(a, b) : at::mm(a, b);
    }
    return is_stack ? at::bmm(a, b, result) : at::mm(a, b, result);
}

}  // namespace

at::Tensor matrix_product(at::Tensor const& a, at::Tensor const& b, at::ScalarType result) {
    if (is_half_on_gpu(a)) {
        return gpu_product(a, b, result);
    }
    at::Tensor const product =
        a.dim() == 3 ? at::bmm(widened(a), widened(b)) : at::mm(widened(a), widened(b));
    return product.to(result);
}

void write_matrix_product(at::Tensor& out, at::Tensor const& a, at::Tensor const& b) {
    if (out.scalar_type() == a.scalar_type() && (is_half_on_gpu(a) || widened(a).is_same(a))) {
        at::mm_out(out, a, b);
    } else {
        out.copy_(matrix_product(a, b, out.scalar_type()));
    }
}

at::Tensor affine_product(at::Tensor const& a, at::Tensor const& b, at::Tensor const& bias,
                          at::ScalarType result) {
    if (!bias.defined()) {
        return matrix_product(a, b, result);
    }
    if (is_half_on_gpu(a)) {
        return result == a.scalar_type() ? at::addmm(bias, a, b) : gpu_product(a, b, result).add_(bias);
    }
    return at::addmm(widened(bias), widened(a), widened(b)).to(result);
}

void add_matrix_product(at::Tensor& sum, at::Tensor const& a, at::Tensor const& b, double scale,
                        double keep) {
    if (is_half_on_gpu(a)) {
        at::Tensor const product = gpu_product(a, b, sum.scalar_type());
        keep == 0.0 ? at::mul_out(sum, product, at::scalar_tensor(scale, product.options()))
                    : sum.mul_(keep).add_(product, scale);
    } else if (a.dim() == 3) {
        sum.baddbmm_(widened(a), widened(b), keep, scale);
    } else {
        sum.addmm_(widened(a), widened(b), keep, scale);
    }
}

}  // namespace ctclip
