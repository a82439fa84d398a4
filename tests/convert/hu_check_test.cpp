#include "convert/hu_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/half.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// Values of a chest: padding outside the field of view, air, lung, fat, muscle, bone, with noise.
std::vector<double> chest_hu(double padding_hu) {
    std::vector<double> hu(20'000);
    for (std::size_t i = 0; i < hu.size(); ++i) {
        double const noise = 40.0 * (to_unit(splitmix64(1, i)) - 0.5);
        std::size_t const part = i % 100;
        hu[i] = part < 20   ? padding_hu
                : part < 35 ? -1000.0 + noise
                : part < 60 ? -820.0 + noise
                : part < 70 ? -90.0 + noise
                : part < 95 ? 45.0 + noise
                            : 600.0 + noise;
    }
    return hu;
}

/// The stored values that `slope` and `intercept` map to these HU.
std::vector<std::uint16_t> stored(std::vector<double> const& hu, double slope, double intercept) {
    std::vector<std::uint16_t> halves;
    for (double const value : hu) {
        halves.push_back(half_from((value - intercept) / slope));
    }
    return halves;
}

TEST(HuCheck, AppliesTheCsvToScannerUnits) {
    for (double const padding_hu : {-1024.0, -2000.0, -3024.0}) {
        EXPECT_EQ(check_hu(stored(chest_hu(padding_hu), 1.0, -1024.0), 1.0, -1024.0).verdict,
                  HuVerdict::kNeedsRescale)
            << padding_hu;
    }
    EXPECT_EQ(check_hu(stored(chest_hu(-1024.0), 1.0, -8192.0), 1.0, -8192.0).verdict,
              HuVerdict::kNeedsRescale);
    EXPECT_EQ(check_hu(stored(chest_hu(-1024.0), 0.5, -1024.0), 0.5, -1024.0).verdict,
              HuVerdict::kNeedsRescale);
}

TEST(HuCheck, StopsBeforeARescaleOfWhatIsHuAlready) {
    for (double const padding_hu : {-1000.0, -1024.0, -2000.0, -8192.0}) {
        for (double const intercept : {-1024.0, -1000.0, -8192.0}) {
            EXPECT_EQ(check_hu(stored(chest_hu(padding_hu), 1.0, 0.0), 1.0, intercept).verdict,
                      HuVerdict::kAlreadyHu)
                << padding_hu << ' ' << intercept;
        }
    }
}

TEST(HuCheck, HasNothingToDecideWithoutSlopeAndIntercept) {
    EXPECT_EQ(check_hu(stored(chest_hu(-1024.0), 1.0, 0.0), 1.0, 0.0).verdict, HuVerdict::kSameEitherWay);
}

TEST(HuCheck, RecognisesASourceThatWasRescaledTwice) {
    EXPECT_EQ(check_hu(stored(chest_hu(-1024.0), 1.0, 1024.0), 1.0, -1024.0).verdict,
              HuVerdict::kRescaledTwice);
}

TEST(HuCheck, DoesNotGuess) {
    std::vector<double> noise(20'000);
    for (std::size_t i = 0; i < noise.size(); ++i) {
        noise[i] = 60'000.0 * (to_unit(splitmix64(2, i)) - 0.5);
    }
    EXPECT_EQ(check_hu(stored(noise, 1.0, 0.0), 1.0, -1024.0).verdict, HuVerdict::kUndecidable);
    EXPECT_EQ(check_hu(stored(std::vector<double>(100, 0.0), 1.0, 0.0), 1.0, -1024.0).verdict,
              HuVerdict::kUndecidable);
    // Both readings look like a body: a shift too small to tell.
    EXPECT_EQ(check_hu(stored(chest_hu(-1024.0), 1.0, 0.0), 1.0, -10.0).verdict, HuVerdict::kUndecidable);
}

TEST(HuCheck, SaysWhatItSawAndWhatToDo) {
    HuCheck const check = check_hu(stored(chest_hu(-1024.0), 1.0, 0.0), 1.0, -1024.0);
    EXPECT_THAT([&] { require_rescale_is_needed(check, "train_1_a_1.npz"); },
                ThrowsMessage<Error>(testing::AllOf(HasSubstr("train_1_a_1.npz: probable double rescale"),
                                                    HasSubstr("% soft tissue"),
                                                    HasSubstr("set convert.rescale to already_hu"))));
}

}  // namespace
}  // namespace ctclip
