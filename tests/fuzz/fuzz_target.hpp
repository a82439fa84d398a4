/// What all fuzz targets share. A target is one file <name>_fuzz.cpp with
///
///     extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
///         return ctclip::read_or_refuse([&] { ...the parser, and what must hold of what it returns... });
///     }
///
/// and a line `ctclip_add_fuzz_target(<name> ...)` in CMakeLists.txt. Its corpus is
/// tests/fuzz/corpus/<name>/, where every input that ever broke something stays, and what CMakeLists.txt
/// lends it from tests/data.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {

/// A parser may do two things with hostile bytes: read them, or refuse them as bad input. Everything else
/// (another error, another exception, a broken promise) leaves this function, and the driver reports it with
/// the input.
template <class Body>
int read_or_refuse(Body const& body) {
    try {
        body();
    } catch (Error const& error) {
        if (error.code() != ExitCode::kBadInput) {
            throw;
        }
    }
    return 0;
}

/// Like assert, in every build.
inline void promise(bool is_kept, std::string const& what) {
    if (!is_kept) {
        throw std::logic_error("broken promise: " + what);
    }
}

/// Bytes as a regular file, in memory, for parsers that take a path. One for each place in a target, reused:
/// static.
class MemoryFile {
  public:
    MemoryFile() : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        promise(static_cast<bool>(file_), "a file in memory can be made");
        path_ = "/proc/self/fd/" + std::to_string(file_.get());
    }

    std::filesystem::path const& hold(std::span<std::uint8_t const> bytes) {
        bool const is_written =
            ::ftruncate(file_.get(), static_cast<off_t>(bytes.size())) == 0 &&
            ::pwrite(file_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
        promise(is_written, "a file in memory can be written");
        return path_;
    }

  private:
    FileDescriptor file_;
    std::filesystem::path path_;
};

inline std::string_view as_text(std::uint8_t const* data, std::size_t size) {
    return {reinterpret_cast<char const*>(data), size};
}

}  // namespace ctclip
