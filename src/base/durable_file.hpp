/// The one commit routine of the suite: a file is either complete and verified, or
/// absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/block_writer.hpp"
#include "base/file_descriptor.hpp"
#include "base/fsverity_digest.hpp"
#include "base/read_back.hpp"

namespace ctclip {

enum class IfExists {
    kRefuse,   ///< commit() throws kCannotCreate; a finished file is never overwritten
    kReplace,  ///< for small mutable files such as manifests and pointers
};

enum class FileDigest {
    kNone,
    kFsVerity,  ///< fsverity_digest.hpp
};

/// Writes a private temporary `.<name>.<unique>.partial` beside the target (exclusive, the user's umask), and puts it
/// under its final name only after fsync, checked close and a read-back from storage whose CRC-32C equals what was
/// written (of large files part by part, each after a sync: read_back.hpp). The destructor removes an uncommitted
/// temporary.
/// @throws Error kCannotCreate, kIoError, kNoPermission; after any throw nothing new is under the final name
/// (kReplace: but for a folder that cannot be synced; then the new file, whole, has replaced the old one, and a
/// power cut may undo that).
class DurableFile {
  public:
    explicit DurableFile(std::filesystem::path final_path, IfExists if_exists = IfExists::kRefuse,
                         FileDigest digest = FileDigest::kNone);
    DurableFile(DurableFile const&) = delete;
    DurableFile& operator=(DurableFile const&) = delete;
    ~DurableFile();

    /// @return  the CRC-32C of `bytes`, which is computed anyway.
    std::uint32_t write(std::span<std::byte const> bytes);
    std::uint32_t write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
    std::uint64_t bytes_written() const noexcept { return bytes_written_; }

    /// Everything of commit() but the final name: for a digest that must be on record before the file
    /// appears. Nothing can be written afterwards.
    /// @return  the digest (hex) that was asked for; empty for FileDigest::kNone.
    std::string seal();
    void commit();

  private:
    void digest_groups_of(std::size_t num_bytes);
    void verify_read_back();

    std::filesystem::path final_path_;
    std::filesystem::path partial_path_;
    IfExists if_exists_;
    FileDescriptor file_;
    BlockWriter blocks_;
    ReadBack read_back_;
    std::size_t block_used_bytes_ = 0;
    std::optional<FsVerityDigest> digest_;
    std::uint32_t crc32c_ = 0;
    std::uint64_t bytes_written_ = 0;
    bool is_sealed_ = false;
};

/// DurableFile in one call.
void write_durably(std::filesystem::path const& path, std::string_view content, IfExists if_exists);

/// Makes names that appeared in or went from `folder` permanent. @throws Error kIoError.
void sync_folder(std::filesystem::path const& folder);
/// Syncs a finished file and drops its pages from the cache: what is read next comes from storage.
/// @throws Error kBadInput if it does not exist, kIoError.
void sync_and_drop_cache(std::filesystem::path const& path);

/// Removes leftovers of interrupted DurableFiles in `folder`; returns how many. Call only while no other job
/// writes there.
std::size_t sweep_partial_files(std::filesystem::path const& folder);

}  // namespace ctclip
