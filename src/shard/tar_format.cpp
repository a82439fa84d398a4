#include "shard/tar_format.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.hpp"

namespace ctclip {

TarBlock make_tar_header(std::string_view name, std::uint64_t size_bytes) {
    require(!name.empty() && name.size() <= 100, ExitCode::kBadInput,
            "member name '{}' has {} bytes (a plain tar header holds 1 to 100)", name, name.size());
    require(size_bytes < std::uint64_t{1} << 33, ExitCode::kBadInput,
            "member {} has {} bytes (a plain tar header holds sizes below 8 GiB)", name, size_bytes);
    TarBlock header{};
    auto const put = [&](std::size_t offset, std::string_view text) {
        std::memcpy(header.data() + offset, text.data(), text.size());
    };
    put(0, name);
    put(100, "0000644");                           // mode
    put(108, "0000000");                           // uid
    put(116, "0000000");                           // gid
    put(124, fmt::format("{:011o}", size_bytes));  // size
    put(136, "00000000000");                       // mtime
    put(148, "        ");                          // checksum: blanks while it is summed
    put(156, "0");                                 // a regular file
    put(257, std::string_view("ustar\00000", 8));  // magic, version
    unsigned const sum = std::accumulate(header.begin(), header.end(), 0U, [](unsigned total, char byte) {
        return total + static_cast<unsigned char>(byte);
    });
    put(148, fmt::format("{:06o}", sum));
    header[154] = '\0';
    return header;
}

}  // namespace ctclip
