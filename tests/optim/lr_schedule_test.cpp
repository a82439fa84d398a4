#include "optim/lr_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "optim/golden.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(LrSchedule, EqualsThePythonSchedules) {
    nlohmann::json const schedules = golden_json("schedule.json");
    ASSERT_EQ(schedules.size(), 12U);
    for (nlohmann::json const& golden : schedules) {
        LrScheduleOptions options;
        options.kind =
            golden["kind"] == "warmup_cosine" ? LrScheduleKind::kCosine : LrScheduleKind::kConstant;
        options.base_lr = golden["base_lr"];
        options.warmup_steps = golden["warmup_steps"];
        options.total_steps = golden.value("total_steps", 0);
        options.min_lr_ratio = golden.value("min_lr_ratio", 0.0);
        for (std::size_t i = 0; i < golden["step"].size(); ++i) {
            std::int64_t const step = golden["step"][i];
            double const factor = golden["factor"][i];
            double const lr = golden["lr"][i];
            EXPECT_NEAR(lr_factor(options, step), factor, std::max(1e-14 * factor, 2e-15)) << "step " << step;
            EXPECT_NEAR(learning_rate(options, step), lr, std::max(1e-14 * lr, 2e-15 * options.base_lr));
        }
    }
}

TEST(LrSchedule, TheTableHoldsTheRatesOfTheFirstSteps) {
    LrScheduleOptions const options{.base_lr = 1.0, .warmup_steps = 2, .total_steps = 4, .min_lr_ratio = 0.0};

    EXPECT_THAT(learning_rate_table(options, 5),
                testing::Pointwise(testing::DoubleNear(1e-15), {0.0, 0.5, 1.0, 0.5, 0.0}));
}

TEST(LrSchedule, RefusesImpossibleOptions) {
    EXPECT_THAT([] { validate({.base_lr = NAN}); }, ThrowsMessage<Error>(HasSubstr("learning rate is nan")));
    EXPECT_THAT([] { validate({.warmup_steps = -1}); }, ThrowsMessage<Error>(HasSubstr("-1 warm-up steps")));
    EXPECT_THAT([] { validate({.min_lr_ratio = 1.5}); },
                ThrowsMessage<Error>(HasSubstr("min_lr_ratio is 1.5")));
}

}  // namespace
}  // namespace ctclip
