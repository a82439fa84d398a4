/// Notices when a file is written to while it is read.
#pragma once

#include <cstdint>
#include <filesystem>

#include <sys/stat.h>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {

class UnchangedFile {
  public:
    /// Remembers size and time of the open file. Both outlive this. @throws Error kIoError.
    UnchangedFile(FileDescriptor const& file, std::filesystem::path const& path);

    std::uint64_t size_bytes() const { return static_cast<std::uint64_t>(before_.st_size); }
    /// @throws Error kTryAgain if either has changed.
    void require_unchanged() const;
    /// Runs `read`; if the file has changed meanwhile, then that is the reason of any error, and worth a retry.
    template <class Read>
    void guarded(Read const& read) const {
        try {
            read();
        } catch (Error const&) {
            require_unchanged();
            throw;
        }
        require_unchanged();
    }

  private:
    FileDescriptor const& file_;
    std::filesystem::path const& path_;
    struct stat before_;
};

}  // namespace ctclip
