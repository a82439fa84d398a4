#include "kernels/model_position_bias.hpp"

namespace ctclip {
namespace {

template <class T>
void spread_rows(BiasPlane const& plane, T const* table, T* bias, std::int64_t row_begin,
                 std::int64_t row_end) {
    for (std::int64_t row = row_begin; row < row_end; ++row) {
        T const* const head_table = table + row / plane.num_tokens() * plane.num_offsets();
        std::int64_t const query = row % plane.num_tokens();
        for (std::int64_t key = 0; key < plane.num_tokens(); ++key) {
            bias[row * plane.num_tokens() + key] = head_table[offset_index(plane, query, key)];
        }
    }
}

template <class T>
void collect_elements(BiasPlane const& plane, T const* bias_gradient, T* table_gradient, std::int64_t begin,
                      std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
        std::int64_t const head = i / plane.num_offsets();
        table_gradient[i] = offset_gradient(
            plane, bias_gradient + head * plane.num_tokens() * plane.num_tokens(), i % plane.num_offsets());
    }
}

}  // namespace

void spread_position_bias(BiasPlane const& plane, float const* table, float* bias, std::int64_t row_begin,
                          std::int64_t row_end) {
    spread_rows(plane, table, bias, row_begin, row_end);
}

void spread_position_bias(BiasPlane const& plane, double const* table, double* bias, std::int64_t row_begin,
                          std::int64_t row_end) {
    spread_rows(plane, table, bias, row_begin, row_end);
}

void collect_position_bias(BiasPlane const& plane, float const* bias_gradient, float* table_gradient,
                           std::int64_t begin, std::int64_t end) {
    collect_elements(plane, bias_gradient, table_gradient, begin, end);
}

void collect_position_bias(BiasPlane const& plane, double const* bias_gradient, double* table_gradient,
                           std::int64_t begin, std::int64_t end) {
    collect_elements(plane, bias_gradient, table_gradient, begin, end);
}

}  // namespace ctclip
