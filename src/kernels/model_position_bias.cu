#include "kernels/model_cuda_launch.hpp"
#include "kernels/model_position_bias.hpp"

namespace ctclip {
namespace {

struct SpreadItem {
    BiasPlane plane;
    float const* table;
    float* bias;

    __device__ void operator()(std::int64_t i) const {
        std::int64_t const key = i % plane.num_tokens();
        std::int64_t const query = i / plane.num_tokens() % plane.num_tokens();
        std::int64_t const head = i / (plane.num_tokens() * plane.num_tokens());
        bias[i] = table[head * plane.num_offsets() + offset_index(plane, query, key)];
    }
};

struct CollectItem {
    BiasPlane plane;
    float const* bias_gradient;
    float* table_gradient;

    __device__ void operator()(std::int64_t i) const {
        std::int64_t const head = i / plane.num_offsets();
        table_gradient[i] = offset_gradient(
            plane, bias_gradient + head * plane.num_tokens() * plane.num_tokens(), i % plane.num_offsets());
    }
};

}  // namespace

char const* launch_spread_position_bias(BiasPlane const& plane, float const* table, float* bias,
                                        CUstream_st* stream) {
    return launch_for_each_item(plane.heads * plane.num_tokens() * plane.num_tokens(),
                                SpreadItem{plane, table, bias}, stream);
}

char const* launch_collect_position_bias(BiasPlane const& plane, float const* bias_gradient,
                                         float* table_gradient, CUstream_st* stream) {
    return launch_for_each_item(plane.heads * plane.num_offsets(),
                                CollectItem{plane, bias_gradient, table_gradient}, stream);
}

}  // namespace ctclip
