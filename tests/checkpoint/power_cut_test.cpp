// Power cuts: ext4 on a loop device is shut down without its journal being flushed, so that everything that was not
// synced is gone, then mounted again. What was acknowledged must be there. Needs root and loop devices.
//
// CTCLIP_POWER_CUTS=120 checkpoint_power_cut_test     the long run (default: 9 cuts)
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/splitmix64.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "checkpoint/example_state.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

// linux/fs/ext4/ext4.h: not in a public header.
constexpr unsigned long kShutdownRequest = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kWithoutLogFlush = 2;

bool succeeds(std::vector<std::string> const& words) {
    return run_process(words).exit_code == 0;
}

/// A file system that can lose its power.
class FragileDisk {
  public:
    FragileDisk(std::filesystem::path const& folder, std::string options)
        : image_(folder / "disk.img"), mount_point_(folder / "disk"), options_(std::move(options)) {
        std::filesystem::create_directory(mount_point_);
        std::ofstream(image_).close();
        std::filesystem::resize_file(image_, std::uintmax_t{64} << 20);
        is_usable_ = succeeds({"mkfs.ext4", "-q", image_}) && mount();
    }
    FragileDisk(FragileDisk const&) = delete;
    FragileDisk& operator=(FragileDisk const&) = delete;
    ~FragileDisk() {
        if (is_mounted_) {
            unmount();
        }
    }

    bool is_usable() const { return is_usable_; }
    std::filesystem::path const& path() const { return mount_point_; }

    void cut_power() {
        int const fd = ::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        std::uint32_t flags = kWithoutLogFlush;
        ASSERT_EQ(::ioctl(fd, kShutdownRequest, &flags), 0) << std::strerror(errno);
        ::close(fd);
    }
    void restart() {
        ASSERT_TRUE(unmount());
        ASSERT_TRUE(mount());
    }

  private:
    bool mount() {
        is_mounted_ = succeeds({"mount", "-o", "loop," + options_, image_, mount_point_});
        return is_mounted_;
    }
    bool unmount() {
        is_mounted_ = !succeeds({"umount", mount_point_});
        return !is_mounted_;
    }

    std::filesystem::path image_;
    std::filesystem::path mount_point_;
    std::string options_;
    bool is_usable_ = false;
    bool is_mounted_ = false;
};

std::size_t num_cuts() {
    char const* const text = std::getenv("CTCLIP_POWER_CUTS");
    return text == nullptr ? 9 : static_cast<std::size_t>(std::strtoul(text, nullptr, 10));
}

TrainState state_of(std::int64_t step) {
    return example_state(static_cast<std::uint64_t>(step), step);
}

class PowerCut : public testing::TestWithParam<char const*> {
  protected:
    PowerCut() : disk_(dir_.path(), GetParam()) {}

    void SetUp() override {
        if (!disk_.is_usable()) {
            std::cout << "SKIPPED: this needs root, mkfs.ext4 and loop devices\n";
            GTEST_SKIP() << "needs root, mkfs.ext4 and loop devices";
        }
        set_log_level(LogLevel::kError);
    }

    TempDir const dir_;
    FragileDisk disk_;
};

TEST_P(PowerCut, AfterTheAcknowledgementLosesNothing) {
    std::size_t const cuts = (num_cuts() + 5) / 6;  // three mount options, two tests
    for (std::int64_t step = 1; step <= static_cast<std::int64_t>(cuts); ++step) {
        CheckpointStore(disk_.path(), {}).save(state_of(step));
        ::usleep(static_cast<useconds_t>(splitmix64(1, static_cast<std::uint64_t>(step)) % 300000));
        disk_.cut_power();
        disk_.restart();
        auto const found = load_newest_valid(disk_.path());
        ASSERT_TRUE(found.has_value()) << step;
        EXPECT_EQ(found->state.info.step, step);
        expect_equal(found->state, state_of(step));
    }
    RecordProperty("cuts", std::to_string(cuts));
}

TEST_P(PowerCut, InTheMiddleOfASaveLeavesThisOneOrTheOneBefore) {
    std::size_t const cuts = (num_cuts() + 5) / 6;
    CheckpointStore(disk_.path(), {}).save(state_of(1));
    std::int64_t newest = 1;
    for (std::size_t cut = 0; cut < cuts; ++cut) {
        pid_t const child = ::fork();
        if (child == 0) {
            try {
                CheckpointStore(disk_.path(), {}).save(state_of(newest + 1));
                ::_exit(0);
            } catch (std::exception const&) {
                ::_exit(1);  // the disk has gone
            }
        }
        ::usleep(static_cast<useconds_t>(splitmix64(2, cut) % 20000));
        disk_.cut_power();
        int status = 0;
        ::waitpid(child, &status, 0);
        bool const is_acknowledged = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        disk_.restart();
        auto const found = load_newest_valid(disk_.path());
        ASSERT_TRUE(found.has_value()) << cut;
        std::int64_t const step = found->state.info.step;
        EXPECT_TRUE(is_acknowledged ? step == newest + 1 : step == newest || step == newest + 1) << step;
        expect_equal(found->state, state_of(step));
        newest = step;
    }
}

// The harness itself: a file that is renamed into place without having been synced does not survive.
TEST_P(PowerCut, TakesWhatWasNotSynced) {
    std::ofstream(disk_.path() / "new.partial") << std::string(100000, 'x');
    std::filesystem::rename(disk_.path() / "new.partial", disk_.path() / "new");
    disk_.cut_power();
    disk_.restart();
    EXPECT_FALSE(std::filesystem::exists(disk_.path() / "new") &&
                 std::filesystem::file_size(disk_.path() / "new") == 100000);
}

INSTANTIATE_TEST_SUITE_P(Ext4, PowerCut, testing::Values("defaults", "noauto_da_alloc", "data=writeback,noauto_da_alloc"),
                         [](auto const& cut) {
                             std::string name = cut.param;
                             std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
                             return name;
                         });

}  // namespace
}  // namespace ctclip
