/// A WordPiece vocabulary: `vocab.txt`, one entry a line, id = line number from 0.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ctclip {

class Vocabulary {
  public:
    /// Lines end at '\n' only and are not trimmed, as in the reference.
    /// @throws Error kBadInput: [PAD], [UNK], [CLS] or [SEP] missing, an entry twice, more than 2^24 entries;
    /// kIoError.
    static Vocabulary load(std::filesystem::path const& path);
    /// @param source_name  for messages.
    static Vocabulary parse(std::string_view text, std::string const& source_name);

    std::size_t size() const noexcept { return entries_.size(); }
    std::optional<std::int32_t> find(std::string_view entry) const;
    std::optional<std::int32_t> find_continuation(std::string_view piece) const;  ///< of "##" + piece
    std::size_t longest_entry_bytes() const noexcept { return longest_entry_bytes_; }

    std::int32_t pad_id() const noexcept { return pad_id_; }
    std::int32_t unknown_id() const noexcept { return unknown_id_; }
    std::int32_t start_id() const noexcept { return start_id_; }          ///< [CLS]
    std::int32_t separator_id() const noexcept { return separator_id_; }  ///< [SEP]

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };
    using Ids = std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>>;

    void add(std::string_view entry, std::string const& source_name);
    std::int32_t special_id(std::string_view entry, std::string const& source_name) const;

    Ids entries_;
    Ids continuations_;  // without the "##"
    std::size_t longest_entry_bytes_ = 0;
    std::int32_t pad_id_ = 0;
    std::int32_t unknown_id_ = 0;
    std::int32_t start_id_ = 0;
    std::int32_t separator_id_ = 0;
};

}  // namespace ctclip
