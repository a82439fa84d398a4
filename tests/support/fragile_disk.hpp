/// A file system that can lose its power: ext4 on a loop device that is shut down without its journal being
/// flushed, so that everything that was not synced is gone, then mounted again. Needs root and loop devices.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {

class FragileDisk {
  public:
    /// @param folder   of the image and the mount point.
    /// @param options  of mount.
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

    /// What was done so far survives the next cut. Without it a test's process would meet traces of its own
    /// past that no process meets, since none outlives a power cut.
    void sync() {
        int const fd = ::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT_EQ(::syncfs(fd), 0) << std::strerror(errno);
        ::close(fd);
    }
    void cut_power() {
        // linux/fs/ext4/ext4.h: not in a public header.
        constexpr unsigned long kShutdownRequest = _IOR('X', 125, std::uint32_t);
        std::uint32_t without_log_flush = 2;
        int const fd = ::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT_EQ(::ioctl(fd, kShutdownRequest, &without_log_flush), 0) << std::strerror(errno);
        ::close(fd);
    }
    void restart() {
        ASSERT_TRUE(unmount());
        ASSERT_TRUE(mount());
    }

  private:
    static bool succeeds(std::vector<std::string> const& words) { return run_process(words).exit_code == 0; }
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

/// Power cuts of a test program in all: CTCLIP_POWER_CUTS, or a few.
inline std::size_t num_power_cuts() {
    char const* const text = std::getenv("CTCLIP_POWER_CUTS");
    return text == nullptr ? 9 : static_cast<std::size_t>(std::strtoul(text, nullptr, 10));
}

/// A test on a disk that can lose its power, mounted with the parameter's options. Skipped, aloud, where that
/// cannot be.
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

/// ext4 as it comes, and without its help for programs that forget to sync.
inline auto const kMountOptions =
    testing::Values("defaults", "noauto_da_alloc", "data=writeback,noauto_da_alloc");

inline std::string mount_name(testing::TestParamInfo<char const*> const& options) {
    std::string name = options.param;
    std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
    return name;
}

}  // namespace ctclip
