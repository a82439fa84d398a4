#include "base/room.hpp"

#include <fstream>
#include <string>
#include <system_error>

#include "base/byte_units.hpp"
#include "base/error.hpp"
#include "base/output_folder.hpp"

namespace ctclip {

void require_free_space(std::filesystem::path const& folder, double needed_bytes) {
    std::error_code error;
    std::filesystem::space_info const space = std::filesystem::space(nearest_existing(folder), error);
    if (error) {
        fail_errno(ExitCode::kIoError, "cannot ask for the free space of " + folder.string(), error.value());
    }
    require(static_cast<double>(space.available) >= needed_bytes, ExitCode::kCannotCreate,
            "{}: about {:.2f} GiB are needed, {:.2f} GiB are free", folder.string(),
            needed_bytes / kBytesPerGiB, static_cast<double>(space.available) / kBytesPerGiB);
}

std::uint64_t available_memory_bytes() {
    std::ifstream file("/proc/meminfo");
    std::string name;
    std::uint64_t kibibytes = 0;
    for (std::string unit; file >> name >> kibibytes && std::getline(file, unit);) {
        if (name == "MemAvailable:") {
            return kibibytes * 1024;
        }
    }
    return 0;
}

}  // namespace ctclip
