/// The file that zip records are read from: bounded reads, and errors that name it.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/field_reader.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {

class ZipSource {
  public:
    ZipSource(FileDescriptor const& file, std::filesystem::path const& path, std::uint64_t size_bytes)
        : file_(file), path_(path), size_bytes_(size_bytes) {}

    std::uint64_t size_bytes() const { return size_bytes_; }

    /// @throws Error kBadInput "<path>: <message>" unless the condition holds.
    template <class... Args>
    void check(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
        if (!condition) {
            fail(ExitCode::kBadInput, "{}: {}", path_.string(),
                 fmt::format(format, std::forward<Args>(args)...));
        }
    }

    /// Checked against the file's size before memory is taken.
    std::vector<std::byte> read(std::uint64_t offset, std::uint64_t count, std::string_view what) const {
        check(offset <= size_bytes_ && count <= size_bytes_ - offset, "{} lies outside the file", what);
        std::vector<std::byte> bytes(count);
        read_exactly(file_, path_, offset, bytes);
        return bytes;
    }

    FieldReader fields(std::span<std::byte const> bytes, std::string_view what) const {
        return {bytes, fmt::format("{}: {}", path_.string(), what)};
    }

  private:
    FileDescriptor const& file_;
    std::filesystem::path const& path_;
    std::uint64_t size_bytes_;
};

}  // namespace ctclip
