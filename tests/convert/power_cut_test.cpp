// Power cuts of a disk that shards are written to: what has a final name is whole, what was acknowledged is
// there, and the same command again gives the bytes of an uninterrupted run. Needs root and loop devices.
//
// CTCLIP_POWER_CUTS=120 convert_power_cut_test     the long run (default: 9 cuts)
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/splitmix64.hpp"
#include "convert/made_dataset.hpp"
#include "shard/shard_verify.hpp"
#include "support/fragile_disk.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

class PowerCutOfConversion : public PowerCut {
  protected:
    void SetUp() override {
        PowerCut::SetUp();
        if (IsSkipped()) {
            return;
        }
        dataset_.run();
        expected_ = content_of(dataset_.options.output);
        dataset_.options.output = disk_.path() / "shards";
    }

    void start_anew() {
        fs::remove_all(dataset_.options.output);
        disk_.sync();
    }

    /// All but temporaries and the lock, which a power cut may leave or bring back.
    std::vector<std::pair<std::string, std::string>> final_files() const {
        auto files = content_of(dataset_.options.output);
        std::erase_if(files, [](auto const& file) {
            return file.first.starts_with(".ctclip.lock") || file.first.ends_with(".partial");
        });
        return files;
    }

    /// Nothing under a final name but what an uninterrupted run writes there.
    void expect_nothing_torn() const {
        for (auto const& [name, content] : final_files()) {
            EXPECT_THAT(expected_, testing::Contains(std::pair(name, content))) << name;
            if (name.ends_with(".tar")) {
                EXPECT_NO_THROW(EXPECT_TRUE(verify_shard(dataset_.options.output / name).has_digests));
            }
        }
    }

    MadeDataset dataset_{8};  // in four shards
    std::vector<std::pair<std::string, std::string>> expected_;
};

TEST_P(PowerCutOfConversion, AfterItsEndLosesNothing) {
    std::size_t const cuts = (num_power_cuts() + 5) / 6;  // three mount options, two tests
    for (std::size_t cut = 0; cut < cuts; ++cut) {
        start_anew();
        dataset_.run();
        ::usleep(static_cast<useconds_t>(splitmix64(1, cut) % 300'000));
        disk_.cut_power();
        disk_.restart();
        ASSERT_TRUE(final_files() == expected_) << "cut " << cut;
    }
}

TEST_P(PowerCutOfConversion, InItsMidstTearsNothingAndTheSameCommandGoesOn) {
    std::size_t const cuts = (num_power_cuts() + 5) / 6;
    auto const start = std::chrono::steady_clock::now();
    dataset_.run();
    auto const duration = std::chrono::steady_clock::now() - start;
    auto const whole_us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();

    std::size_t num_with_shards = 0;
    for (std::size_t cut = 0; cut < cuts || (num_with_shards == 0 && cut < cuts + 20); ++cut) {
        start_anew();
        pid_t const child = ::fork();
        if (child == 0) {
            try {
                dataset_.run();
            } catch (std::exception const&) {
                // the disk has gone
            }
            ::_exit(0);
        }
        ::usleep(static_cast<useconds_t>(splitmix64(2, cut) % static_cast<std::uint64_t>(whole_us)));
        disk_.cut_power();
        ::waitpid(child, nullptr, 0);
        disk_.restart();
        bool const has_shards = fs::exists(dataset_.options.output / "shard-000000.tar");
        bool const is_done = fs::exists(dataset_.options.output / "manifest.json");
        num_with_shards += has_shards && !is_done ? 1 : 0;
        expect_nothing_torn();
        dataset_.run();
        ASSERT_TRUE(content_of(dataset_.options.output) == expected_) << "cut " << cut;
    }
    EXPECT_GT(num_with_shards, 0U) << "no cut came between two shards";
    RecordProperty("cuts", std::to_string(cuts));
    RecordProperty("cuts_between_shards", std::to_string(num_with_shards));
}

INSTANTIATE_TEST_SUITE_P(Ext4, PowerCutOfConversion, kMountOptions, mount_name);

}  // namespace
}  // namespace ctclip
