#include "base/direct_io.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"

namespace ctclip {

bool set_direct_io(FileDescriptor const& file, bool is_on) noexcept {
    int const flags = ::fcntl(file.get(), F_GETFL);
    return flags >= 0 && ::fcntl(file.get(), F_SETFL, is_on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

bool is_direct_io(FileDescriptor const& file) noexcept {
    int const flags = ::fcntl(file.get(), F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0;
}

std::span<std::byte const> read_stored_block(FileDescriptor const& file, std::filesystem::path const& path,
                                             std::uint64_t offset, std::uint64_t num_bytes,
                                             DirectBlock const& block) {
    std::span<std::byte> const wanted = block.bytes().first(num_bytes);
    // Direct reads are whole sectors; the last one ends where the file does.
    std::size_t const aligned_bytes =
        (num_bytes + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
    ssize_t const got = ::pread(file.get(), wanted.data(), aligned_bytes, static_cast<off_t>(offset));
    if (got < 0 || static_cast<std::uint64_t>(got) < num_bytes) {
        set_direct_io(file, false);
        read_exactly(file, path, offset, wanted);  // without direct I/O; says what is wrong, if anything is
    }
    return wanted;
}

}  // namespace ctclip
