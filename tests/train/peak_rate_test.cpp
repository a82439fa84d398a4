#include "train/peak_rate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    EXPECT_GT(peak.flops_per_s, 1e6);  // how fast a processor is that others use too, nobody knows
    EXPECT_LT(peak.flops_per_s, 1e15);
}

TEST(PeakRate, TheCpuHasNoMemoryOfItsOwn) {
    EXPECT_FALSE(peak_device_memory_bytes(at::kCPU).has_value());
}

}  // namespace
}  // namespace ctclip
