#include "train/peak_rate.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace ctclip {
namespace {

TEST(PeakRate, ASettingWins) {
    PeakRate const peak = peak_rate(989.0, at::kCPU, PrecisionPolicy(ComputeType::kHalf));
    EXPECT_DOUBLE_EQ(peak.flops_per_s, 989e12);
    EXPECT_EQ(peak.source, "run.peak_tflops");
}

TEST(PeakRate, OtherwiseAProductIsMeasuredInFloatOnTheCpu) {
    PeakRate const peak = peak_rate(std::nullopt, at::kCPU, PrecisionPolicy(ComputeType::kHalf));
    EXPECT_THAT(peak.source, testing::HasSubstr("768 x 768 matrices in Float"));
    // No product of the same kind goes much faster than the best one measured, but for neighbours on this machine.
    constexpr std::int64_t kSize = 512;
    at::Tensor const a = at::ones({kSize, kSize});
    auto const begin = std::chrono::steady_clock::now();
    at::mm(a, a);
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_GT(peak.flops_per_s, 0.1 * 2.0 * kSize * kSize * kSize / seconds);
    EXPECT_LT(peak.flops_per_s, 1e15);
}

TEST(PeakRate, TheCpuHasNoMemoryOfItsOwn) {
    EXPECT_FALSE(peak_device_memory_bytes(at::kCPU).has_value());
}

}  // namespace
}  // namespace ctclip
