#include "convert/stop_notice.hpp"

#include <fstream>
#include <system_error>

namespace ctclip {

StopNotice::StopNotice(std::filesystem::path const& output) : path_(output / ".ctclip.stop") {}

void StopNotice::post() const noexcept {
    std::ofstream{path_};  // streams report nothing by throwing unless they are told to
}

bool StopNotice::is_posted() const noexcept {
    std::error_code ignored;
    return std::filesystem::exists(path_, ignored);
}

void StopNotice::withdraw() const noexcept {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

}  // namespace ctclip
