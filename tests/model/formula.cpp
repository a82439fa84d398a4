#include "model/formula.hpp"

#include <cmath>

#include "base/splitmix64.hpp"
#include "model/parallel_ranges.hpp"

namespace ctclip {
namespace {

std::uint64_t formula_bits(std::uint64_t name_hash, std::int64_t index) {
    return splitmix64(name_hash + static_cast<std::uint64_t>(index), 0);
}

double formula_number(std::uint64_t name_hash, std::int64_t index) {
    return static_cast<double>(formula_bits(name_hash, index) >> 40) * 0x1.0p-23 - 1.0;
}

struct Affine {
    double offset;
    double scale;
};

Affine affine_of(std::string const& name, Shape const& shape) {
    std::string const last = name.substr(name.rfind('.') + 1);
    if (name == "temperature") {
        return {1.0, 0.25};
    }
    if (last == "embed") {
        return {0.0, std::sqrt(3.0 / static_cast<double>(shape.back()))};
    }
    if (last == "beta" || last == "cluster_size") {
        return {0.0, 0.0};
    }
    if (last == "initted") {
        return {1.0, 0.0};
    }
    if (shape.size() >= 2) {
        return {0.0, std::sqrt(3.0 / static_cast<double>(element_count({shape.begin() + 1, shape.end()})))};
    }
    return last == "bias" ? Affine{0.0, 0.1} : Affine{1.0, 0.25};
}

}  // namespace

at::Tensor formula_numbers(std::string const& name, std::int64_t count) {
    at::Tensor numbers = at::empty({count}, at::kDouble);
    auto* const data = numbers.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < count; ++i) {
        data[i] = formula_number(fnv1a64(name), i);
    }
    return numbers;
}

at::Tensor formula_weights(std::string const& name, Shape const& shape) {
    Affine const affine = affine_of(name, shape);
    std::uint64_t const hash = fnv1a64(name);
    at::Tensor values = at::empty(shape, at::kFloat);
    auto* const data = values.mutable_data_ptr<float>();
    parallel_ranges(values.numel(), 65536, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            data[i] = static_cast<float>(affine.offset + affine.scale * formula_number(hash, i));
        }
    });
    return values;
}

void fill_by_formula(ParameterSet& parameters) {
    at::NoGradGuard const no_grad;
    for (Parameter const& entry : parameters.entries()) {
        if (entry.spec.type == DType::kF32 && entry.spec.use == ParameterUse::kUsed) {
            entry.tensor.detach().copy_(formula_weights(entry.spec.name, entry.spec.shape));
        }
    }
    parameters.at("visual_transformer.vq._codebook.cluster_size").zero_();
}

at::Tensor formula_volume(Shape const& shape) {
    at::Tensor volume = at::empty(shape, at::kFloat);
    auto* const data = volume.mutable_data_ptr<float>();
    std::uint64_t const hash = fnv1a64("volume");
    std::int64_t i = 0;
    for (std::int64_t b = 0; b < shape[0]; ++b) {
        for (std::int64_t t = 0; t < shape[2]; ++t) {
            for (std::int64_t h = 0; h < shape[3]; ++h) {
                for (std::int64_t w = 0; w < shape[4]; ++w, ++i) {
                    double const saw =
                        static_cast<double>((3 * t + 5 * h + 7 * w + 11 * b) % 256) / 128.0 - 1.0;
                    data[i] = static_cast<float>(0.5 * saw + 0.5 * formula_number(hash, i));
                }
            }
        }
    }
    return volume;
}

}  // namespace ctclip
