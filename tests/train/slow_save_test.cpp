// A checkpoint that takes longer to write than ranks may idle: the end of a run, whatever its cause, waits for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>

#include "base/error.hpp"
#include "base/stop_signal.hpp"
#include "mpi/watchdog.hpp"
#include "support/io_faults.hpp"
#include "train/run_fixture.hpp"

namespace ctclip {
namespace {

class SlowSaveTest : public RunFixture {
  protected:
    SlowSaveTest() {
        slow_.folder = (options_.run.dir / "checkpoints").string();
        arm_faults(&slow_);
    }
    ~SlowSaveTest() override { arm_faults(nullptr); }

    bool is_saved(std::int64_t step) const {
        return std::filesystem::exists(options_.run.dir / "checkpoints" / checkpoint_name(step));
    }

    FaultPlan slow_{.call = "fsync", .kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(1500)};
};

TEST_F(SlowSaveTest, TheWatchdogLetsTheSaveOfAStopEnd) {
    std::mutex mutex;
    std::string fault;  // what would end the job
    {
        Watchdog const watchdog(ranks_, {.step_s = 2.0, .slow_s = 60.0}, [&](std::string const& found) {
            std::lock_guard const guard(mutex);
            fault = found;
        });
        EXPECT_THROW(trainer().run([asked = 0]() mutable { return ++asked == 3; }), Stopped);
    }
    std::lock_guard const guard(mutex);
    EXPECT_EQ(fault, "");
    if (ranks_.rank() == 0) {
        EXPECT_TRUE(is_saved(3));
        EXPECT_GT(slow_.num_calls * slow_.delay, std::chrono::seconds(2));  // else this test shows nothing
    }
}

// A rank that ends ends the job, and with it the save.
TEST_F(SlowSaveTest, NoRankEndsBeforeTheSaveUnderWayWhenAllFail) {
    options_.training.save_every_n_steps = 2;
    Trainer run = trainer();
    auto const poison = [&, step = 0]() mutable {
        if (++step == 2) {
            at::NoGradGuard const no_grad;
            run.parameters().at("to_visual_latent.weight").view({-1})[0] = std::nanf("");
        }
        return false;
    };

    EXPECT_THAT([&] { run.run(poison); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("the loss of step 3 is nan")));

    EXPECT_TRUE(is_saved(2)) << "rank " << ranks_.rank() << " ended before";
}

}  // namespace
}  // namespace ctclip
