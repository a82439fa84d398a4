/// A small training state with one of everything, random but for its seed.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/splitmix64.hpp"
#include "checkpoint/train_state.hpp"

namespace ctclip {

template <class T>
Array make_array(DType type, Shape shape, std::vector<T> const& values) {
    Array array{type, std::move(shape), std::vector<std::byte>(values.size() * sizeof(T))};
    if (!values.empty()) {
        std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
    }
    return array;
}

/// Any bit pattern, NaN among them: a checkpoint moves bits.
inline Array random_floats(Shape shape, std::uint64_t seed) {
    std::vector<std::uint32_t> bits(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < bits.size(); ++i) {
        bits[i] = static_cast<std::uint32_t>(splitmix64(seed, i));
    }
    return make_array(DType::kF32, std::move(shape), bits);
}

inline TrainState example_state(std::uint64_t seed, std::int64_t step = 7) {
    TrainState state;
    state.info = {step, 2, "fp16", 4, 2, "training:\n  max_steps: 20  # größer\n", "ctclip test", "abc123"};
    state.model = {{"temperature", random_floats({}, seed)},
                   {"to_text_latent.weight", random_floats({5, 7}, seed + 1)},
                   {"layers.0.1.null_kv", random_floats({8, 0, 32}, seed + 2)},
                   {"vq._codebook.initted", random_floats({1}, seed + 3)},
                   {"embeddings.position_ids", make_array<std::int64_t>(DType::kI64, {1, 4}, {0, 1, 2, 3})}};
    for (char const* name : {"temperature", "to_text_latent.weight", "layers.0.1.null_kv"}) {
        state.exp_avg[name] = random_floats(state.model.at(name).shape, seed + 4);
        state.exp_avg_sq[name] = random_floats(state.model.at(name).shape, seed + 5);
    }
    state.scaler.scalars = {{"scale", 65536.0}, {"growth_tracker", std::int64_t{-1}}};
    state.schedule.scalars = {{"kind", std::string("cosine")}, {"empty", std::string()}};
    state.sampler.scalars = {{"position", std::numeric_limits<std::int64_t>::max()}};
    state.rng.arrays = {{"rank0", make_array<std::uint8_t>(DType::kU8, {3}, {1, 2, 255})},
                        {"rank1", make_array<std::uint64_t>(DType::kU64, {1}, {~std::uint64_t{0}})}};
    state.metrics.scalars = {{"loss", std::numeric_limits<double>::infinity()}};
    return state;
}

inline void expect_equal(TrainState const& a, TrainState const& b) {
    EXPECT_EQ(a.info, b.info);
    EXPECT_EQ(a.model, b.model);
    EXPECT_EQ(a.exp_avg, b.exp_avg);
    EXPECT_EQ(a.exp_avg_sq, b.exp_avg_sq);
    EXPECT_EQ(a.scaler, b.scaler);
    EXPECT_EQ(a.schedule, b.schedule);
    EXPECT_EQ(a.sampler, b.sampler);
    EXPECT_EQ(a.rng, b.rng);
    EXPECT_EQ(a.codebook, b.codebook);
    EXPECT_EQ(a.metrics, b.metrics);
}

}  // namespace ctclip
