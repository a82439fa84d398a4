/// The digest by which Linux' fs-verity knows a file (version 1, SHA-256, blocks of 4 KiB, no salt): the SHA-256 at the
/// top of a tree of SHA-256s. It says of every byte what a plain SHA-256 of the file says, but its parts are
/// independent: they are computed side by side, several times faster. `fsverity digest FILE` prints the same one, and a
/// file system with verity holds a file to it at every read. (Linux, Documentation/filesystems/fsverity.rst)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/sha256_blocks.hpp"

namespace ctclip {

inline constexpr std::size_t kVerityBlockBytes = 4096;

class FsVerityDigest {
  public:
    /// The file's next bytes. Many whole blocks of kVerityBlockBytes at a time are fastest.
    void add(std::span<std::byte const> bytes);
    /// @return  64 lower-case hex digits; the object is spent.
    std::string finish_hex();

    std::uint64_t num_bytes() const noexcept { return num_bytes_; }

  private:
    /// Digests of the level below, in file order; blocks of them go up into the level above, several at a time.
    struct Level {
        std::vector<Sha256Bytes> digests;  ///< that have not gone up
        std::uint64_t num_digests = 0;     ///< ever added
    };

    /// @param blocks  the file's next ones (level 0), or ones of the level below's digests.
    void add_blocks(std::size_t level, std::span<std::byte const> blocks);
    Sha256Bytes root();

    std::vector<Level> levels_ = {{}};
    std::vector<std::byte> rest_;  ///< of the file so far, less than a block
    std::uint64_t num_bytes_ = 0;
};

/// Of a whole file's content.
std::string fsverity_sha256_hex(std::span<std::byte const> content);

}  // namespace ctclip
