#include "kernels/model_position_bias.hpp"

#include "kernels/model_cuda_launch.hpp"

namespace ctclip {
namespace {

template <class T>
struct SpreadItem {
    BiasPlane plane;
    T const* table;
    T* bias;

    __device__ void operator()(std::int64_t i) const {
        std::int64_t const key = i % plane.num_tokens();
        std::int64_t const query = i / plane.num_tokens() % plane.num_tokens();
        std::int64_t const head = i / (plane.num_tokens() * plane.num_tokens());
        bias[i] = table[head * plane.num_offsets() + offset_index(plane, query, key)];
    }
};

template <class T>
struct CollectItem {
    BiasPlane plane;
    T const* bias_gradient;
    T* table_gradient;

    __device__ void operator()(std::int64_t i) const {
        std::int64_t const head = i / plane.num_offsets();
        table_gradient[i] = offset_gradient(
            plane, bias_gradient + head * plane.num_tokens() * plane.num_tokens(), i % plane.num_offsets());
    }
};

template <class T>
char const* launch_spread(BiasPlane const& plane, T const* table, T* bias, cudaStream_t stream) {
    return launch_for_each_item(plane.heads * plane.num_tokens() * plane.num_tokens(),
                                SpreadItem<T>{plane, table, bias}, stream);
}

template <class T>
char const* launch_collect(BiasPlane const& plane, T const* bias_gradient, T* table_gradient,
                           cudaStream_t stream) {
    return launch_for_each_item(plane.heads * plane.num_offsets(),
                                CollectItem<T>{plane, bias_gradient, table_gradient}, stream);
}

}  // namespace

char const* launch_spread_position_bias(BiasPlane const& plane, float const* table, float* bias,
                                        CUstream_st* stream) {
    return launch_spread(plane, table, bias, stream);
}

char const* launch_spread_position_bias(BiasPlane const& plane, double const* table, double* bias,
                                        CUstream_st* stream) {
    return launch_spread(plane, table, bias, stream);
}

char const* launch_collect_position_bias(BiasPlane const& plane, float const* bias_gradient,
                                         float* table_gradient, CUstream_st* stream) {
    return launch_collect(plane, bias_gradient, table_gradient, stream);
}

char const* launch_collect_position_bias(BiasPlane const& plane, double const* bias_gradient,
                                         double* table_gradient, CUstream_st* stream) {
    return launch_collect(plane, bias_gradient, table_gradient, stream);
}

}  // namespace ctclip
