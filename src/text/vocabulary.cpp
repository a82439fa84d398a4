#include "text/vocabulary.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxEntries = std::size_t{1} << 24;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 28;
constexpr std::string_view kContinuation = "##";

}  // namespace

Vocabulary Vocabulary::load(std::filesystem::path const& path) {
    return parse(read_text_file(path, kMaxFileBytes), path.string());
}

Vocabulary Vocabulary::parse(std::string_view text, std::string const& source_name) {
    Vocabulary vocabulary;
    while (!text.empty()) {
        std::size_t const end = std::min(text.find('\n'), text.size());
        vocabulary.add(text.substr(0, end), source_name);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    vocabulary.pad_id_ = vocabulary.special_id("[PAD]", source_name);
    vocabulary.unknown_id_ = vocabulary.special_id("[UNK]", source_name);
    vocabulary.start_id_ = vocabulary.special_id("[CLS]", source_name);
    vocabulary.separator_id_ = vocabulary.special_id("[SEP]", source_name);
    return vocabulary;
}

std::optional<std::int32_t> Vocabulary::find(std::string_view entry) const {
    auto const found = entries_.find(entry);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int32_t> Vocabulary::find_continuation(std::string_view piece) const {
    auto const found = continuations_.find(piece);
    return found == continuations_.end() ? std::nullopt : std::optional(found->second);
}

void Vocabulary::add(std::string_view entry, std::string const& source_name) {
    require(entries_.size() < kMaxEntries, ExitCode::kBadInput,
            "{}: more than {} entries (is this a vocabulary?)", source_name, kMaxEntries);
    auto const id = static_cast<std::int32_t>(entries_.size());
    auto const [existing, is_new] = entries_.emplace(entry, id);
    require(is_new, ExitCode::kBadInput,
            "{}: line {} repeats the entry of line {} (its id would be ambiguous)", source_name, id + 1,
            existing->second + 1);
    if (entry.starts_with(kContinuation)) {
        continuations_.emplace(entry.substr(kContinuation.size()), id);
    }
    longest_entry_bytes_ = std::max(longest_entry_bytes_, entry.size());
}

std::int32_t Vocabulary::special_id(std::string_view entry, std::string const& source_name) const {
    std::optional<std::int32_t> const id = find(entry);
    bool const has_windows_line_ends = find(std::string(entry) + '\r').has_value();
    require(id.has_value(), ExitCode::kBadInput,
            "{}: {} is missing ({} entries{}). Give the vocab.txt of a BERT model.", source_name, entry,
            size(), has_windows_line_ends ? "; its lines end in CR LF, LF is needed" : "");
    return *id;
}

}  // namespace ctclip
