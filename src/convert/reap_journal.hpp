/// reap.jsonl in a folder of shards: which sources were deleted, when, and which sample of which shard holds
/// each. Only ever appended to, and on disk before what it announces happens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

inline constexpr char const* kReapJournalName = "reap.jsonl";

struct ReapRecord {
    std::string source_path;  ///< relative to the folder of sources
    std::uint64_t size_bytes = 0;
    std::uint32_t crc32c = 0;
    std::string shard_name;
    std::string shard_fsverity_sha256;
    std::string key;
};

class ReapJournal {
  public:
    /// Reads what earlier runs left in `folder`. Writes nothing.
    /// @throws Error kBadInput for a line that is no record; kIoError.
    explicit ReapJournal(std::filesystem::path const& folder);

    /// True if an earlier run announced this deletion: a source that is gone was deleted by us.
    bool has_announced(std::string const& source_path) const { return announced_.contains(source_path); }

    /// Appends, and returns when the records are on disk. @throws Error kIoError, kCannotCreate.
    void announce(std::vector<ReapRecord> const& records) { append("deleting", records); }
    void confirm(std::vector<ReapRecord> const& records) { append("deleted", records); }

  private:
    void append(char const* event, std::vector<ReapRecord> const& records);
    void open_for_appending();

    std::filesystem::path path_;
    FileDescriptor file_;            ///< once something is appended
    std::uint64_t whole_bytes_ = 0;  ///< of complete lines: a line torn by a crash announced nothing yet
    std::unordered_set<std::string> announced_;
};

}  // namespace ctclip
