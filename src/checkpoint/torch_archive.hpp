/// The zip container of torch.save, read strictly: only what torch writes, and no file that two readers could
/// understand differently (tests/data/checkpoint/weights). Records are addressed below the one top-level folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "zip/zip_directory.hpp"

namespace ctclip {

class TorchArchive {
  public:
    /// Reads and checks the whole directory and every local header; no content yet.
    /// @throws Error kBadInput naming the broken rule, kIoError, kNoPermission.
    explicit TorchArchive(std::filesystem::path file);

    bool contains(std::string const& record) const { return records_.contains(record); }
    /// @throws Error kBadInput if there is no such record.
    std::uint64_t size_bytes(std::string const& record) const;
    /// The record's content, CRC-32 checked. @throws Error kBadInput above `limit_bytes`.
    std::vector<std::byte> read(std::string const& record, std::uint64_t limit_bytes = UINT64_MAX) const;

    std::string path() const { return path_.string(); }
    std::uint64_t file_bytes() const noexcept { return file_bytes_; }

  private:
    ZipMember const& find(std::string const& record) const;

    std::filesystem::path path_;
    FileDescriptor file_;
    std::uint64_t file_bytes_ = 0;
    std::map<std::string, ZipMember> records_;
};

}  // namespace ctclip
